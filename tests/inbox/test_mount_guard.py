"""Tests of distinguishing an unmounted share from removed files."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.inbox.mount_guard import MountGuard, path_exists
from appliance.jobs.states import JobState
from tests.inbox.harness import SETTLE_UNKNOWN_S, InboxHarness

DISK = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    return tmp_path / "mountinfo"


def share(root: Path, number: int = 5, source: str = "//school/box") -> str:
    return f"{DISK}{number} 1 0:40 / {root / 'inbox'} rw - cifs {source} rw\n"


@pytest.mark.parametrize("content", [None, b"", b"{not json", b'"a word"', b'{"mount": 1}'])
def test_first_mount_is_always_accepted(
    tmp_path: Path, mounts: Path, content: bytes | None
) -> None:
    mounts.write_text(DISK)
    if content is not None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "inbox.json").write_bytes(content)
    guard = MountGuard(tmp_path, mounts)
    assert not guard.is_unmounted()
    guard.remember(files_missing=True)
    assert not guard.is_unmounted()


def test_remounted_share_is_recognised(tmp_path: Path, mounts: Path) -> None:
    mounts.write_text(share(tmp_path))
    MountGuard(tmp_path, mounts).remember(files_missing=False)
    mounts.write_text(DISK)
    guard = MountGuard(tmp_path, mounts)  # after a restart
    guard.remember(files_missing=True)
    assert guard.is_unmounted()
    mounts.write_text(share(tmp_path, number=77))
    assert not guard.is_unmounted()
    mounts.write_text(share(tmp_path, source="//other/box"))
    assert guard.is_unmounted()
    guard.remember(files_missing=False)
    assert not guard.is_unmounted()


def test_files_of_a_job_that_ends_meanwhile_are_archived_after_remounting(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path, mounts=share(tmp_path))
    (harness.presenters / "default.png").touch()
    harness.scanner._watcher.is_due(busy=False)
    harness.drop("lesson.txt")
    (job,) = harness.scan(SETTLE_UNKNOWN_S)
    harness.store.claim()
    (harness.folder / "lesson.txt").rename(tmp_path / "on the share")
    harness.mounts.write_text(DISK)
    harness.scan(SETTLE_UNKNOWN_S)
    harness.store.finish(job.id)
    with pytest.raises(OSError, match="another disk"):
        harness.archive()
    harness.mounts.write_text(share(tmp_path))
    (tmp_path / "on the share").rename(harness.folder / "lesson.txt")
    assert len(harness.scan(SETTLE_UNKNOWN_S)) == 1
    harness.archive()
    assert harness.tree() == ["done/lesson.txt"]
    assert len(harness.scan(SETTLE_UNKNOWN_S)) == 1


def test_no_job_is_cancelled_while_the_share_is_unmounted(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path, mounts=share(tmp_path))
    harness.drop("lesson.mp4")
    (job,) = harness.scan(100)
    assert job.state is JobState.WAITING
    (harness.folder / "lesson.mp4").rename(tmp_path / "on the share")
    harness.mounts.write_text(DISK)
    harness.restart()
    assert [each.state for each in harness.scan(100)] == [JobState.WAITING]
    harness.mounts.write_text(share(tmp_path))
    assert [each.state for each in harness.scan(100)] == [JobState.CANCELLED]


def usb_mount(root: Path, source: str = "/dev/sdb1") -> str:
    """Return a list of mounts in which the inbox is on a USB drive."""
    return f"{DISK}6 1 8:17 / {root / 'inbox'} rw - vfat {source} rw\n"


def test_files_on_another_drive_are_processed(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path, mounts=usb_mount(tmp_path))
    harness.drop("a.mp4")
    harness.scan(SETTLE_UNKNOWN_S)
    (harness.folder / "a.mp4").unlink()
    harness.mounts.write_text(usb_mount(tmp_path, "/dev/sdc1"))
    (harness.presenters / "default.png").touch()
    harness.drop("b.txt")
    waiting, new = harness.scan(SETTLE_UNKNOWN_S)
    assert (waiting.state, new.state) == (JobState.WAITING, JobState.QUEUED)


def test_system_disk_may_change_its_name(tmp_path: Path) -> None:
    """This is so when a backup is restored on another device, where the inbox is empty."""
    harness = InboxHarness(tmp_path, mounts=DISK)
    harness.drop("a.mp4")
    harness.scan()
    (harness.folder / "a.mp4").unlink()
    harness.mounts.write_text("1 0 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n")
    harness.restart()
    assert [job.state for job in harness.scan()] == [JobState.CANCELLED]


def test_usb_drive_is_identified_by_its_uuid(tmp_path: Path, mounts: Path) -> None:
    for name in ("sdb1", "sdc1"):
        (tmp_path / name).touch()
    disks = tmp_path / "by-uuid"
    disks.mkdir()
    guard = MountGuard(tmp_path, mounts, disks)

    def plug(name: str, uuid: str) -> None:
        for link in disks.iterdir():
            link.unlink()
        (disks / uuid).symlink_to(Path("..") / name)
        mounts.write_text(usb_mount(tmp_path, str(tmp_path / name)))

    plug("sdb1", "1A2B-3C4D")
    guard.remember(files_missing=False)
    plug("sdc1", "1A2B-3C4D")
    assert not guard.is_unmounted()
    plug("sdb1", "5E6F-7A8B")
    assert guard.is_unmounted()
    (disks / "5E6F-7A8B").unlink()  # removed while it is mounted
    assert guard.is_unmounted()


def test_share_of_an_unreachable_server_counts_as_unmounted(
    tmp_path: Path,
) -> None:
    harness = InboxHarness(tmp_path)
    (harness.presenters / "default.png").touch()
    harness.drop("lesson.txt")
    (job,) = harness.scan()
    harness.store.claim()
    harness.store.finish(job.id)
    harness.folder.rename(tmp_path / "elsewhere")
    harness.folder.symlink_to("inbox")  # every access fails, as with an unreachable server
    assert MountGuard(tmp_path, harness.mounts).is_unmounted()
    for step in (lambda: path_exists(harness.folder / "lesson.txt"), harness.scan, harness.archive):
        with pytest.raises(OSError):
            step()
    assert harness.store.files.source_paths() == {harness.folder / "lesson.txt"}
    harness.restart()  # starts nevertheless
    harness.folder.unlink()
    (tmp_path / "elsewhere").rename(harness.folder)
    assert not MountGuard(tmp_path, harness.mounts).is_unmounted()
    harness.archive()
    assert harness.tree() == ["done/lesson.txt"]
