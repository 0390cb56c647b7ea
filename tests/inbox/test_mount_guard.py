"""A share that is away is told from somebody who tidies up."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.inbox.mount_guard import MountGuard, path_exists
from appliance.jobs.states import JobState
from tests.inbox.box import UNSURE, Box

DISK = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    return tmp_path / "mountinfo"


def share(root: Path, number: int = 5, source: str = "//school/box") -> str:
    return f"{DISK}{number} 1 0:40 / {root / 'inbox'} rw - cifs {source} rw\n"


@pytest.mark.parametrize("kept", [None, b"", b"{not json", b'"a word"', b'{"mounted": 1}'])
def test_the_first_time_anything_counts_as_its_place(
    tmp_path: Path, mounts: Path, kept: bytes | None
) -> None:
    mounts.write_text(DISK)
    if kept is not None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "inbox.json").write_bytes(kept)
    presence = MountGuard(tmp_path, mounts)
    assert not presence.is_unmounted()
    presence.remember(files_missing=True)
    assert not presence.is_unmounted()


def test_a_share_that_comes_back_under_another_number_is_the_same(
    tmp_path: Path, mounts: Path
) -> None:
    mounts.write_text(share(tmp_path))
    MountGuard(tmp_path, mounts).remember(files_missing=False)
    mounts.write_text(DISK)
    presence = MountGuard(tmp_path, mounts)  # after a start
    presence.remember(files_missing=True)
    assert presence.is_unmounted()
    mounts.write_text(share(tmp_path, number=77))
    assert not presence.is_unmounted()
    mounts.write_text(share(tmp_path, source="//other/box"))
    assert presence.is_unmounted()
    presence.remember(files_missing=False)
    assert not presence.is_unmounted()


def test_what_is_over_while_it_is_away_is_put_away_later_and_not_made_twice(tmp_path: Path) -> None:
    box = Box(tmp_path, mounts=share(tmp_path))
    (box.presenters / "default.png").touch()
    box.inbox._watcher.is_due(busy=False)
    box.drop("lesson.txt")
    (job,) = box.look(UNSURE)
    box.store.claim()
    (box.folder / "lesson.txt").rename(tmp_path / "on the share")
    box.mounts.write_text(DISK)
    box.look(UNSURE)
    box.store.finish(job.id)
    with pytest.raises(OSError, match="another disk"):
        box.put_away()
    box.mounts.write_text(share(tmp_path))
    (tmp_path / "on the share").rename(box.folder / "lesson.txt")
    assert len(box.look(UNSURE)) == 1
    box.put_away()
    assert box.tree() == ["done/lesson.txt"]
    assert len(box.look(UNSURE)) == 1


def test_while_it_is_away_nothing_is_given_up_even_after_a_start(tmp_path: Path) -> None:
    box = Box(tmp_path, mounts=share(tmp_path))
    box.drop("lesson.mp4")
    (job,) = box.look(100)
    assert job.state is JobState.WAITING
    (box.folder / "lesson.mp4").rename(tmp_path / "on the share")
    box.mounts.write_text(DISK)
    box.another_daemon()
    assert [each.state for each in box.look(100)] == [JobState.WAITING]
    box.mounts.write_text(share(tmp_path))
    assert [each.state for each in box.look(100)] == [JobState.CANCELLED]


def stick(root: Path, source: str = "/dev/sdb1") -> str:
    """A disk of its own for the inbox."""
    return f"{DISK}6 1 8:17 / {root / 'inbox'} rw - vfat {source} rw\n"


def test_on_another_disk_work_goes_on(tmp_path: Path) -> None:
    box = Box(tmp_path, mounts=stick(tmp_path))
    box.drop("a.mp4")
    box.look(UNSURE)
    (box.folder / "a.mp4").unlink()
    box.mounts.write_text(stick(tmp_path, "/dev/sdc1"))
    (box.presenters / "default.png").touch()
    box.drop("b.txt")
    waiting, new = box.look(UNSURE)
    assert (waiting.state, new.state) == (JobState.WAITING, JobState.QUEUED)


def test_the_boxs_own_disk_may_get_another_name_or_be_another(tmp_path: Path) -> None:
    """As when its backup is put on another box, where the inbox begins empty."""
    box = Box(tmp_path, mounts=DISK)
    box.drop("a.mp4")
    box.look()
    (box.folder / "a.mp4").unlink()
    box.mounts.write_text("1 0 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n")
    box.another_daemon()
    assert [job.state for job in box.look()] == [JobState.CANCELLED]


def test_a_stick_is_known_by_what_is_on_it_and_not_by_its_name_of_today(
    tmp_path: Path, mounts: Path
) -> None:
    for name in ("sdb1", "sdc1"):
        (tmp_path / name).touch()
    disks = tmp_path / "by-uuid"
    disks.mkdir()
    presence = MountGuard(tmp_path, mounts, disks)

    def plug(name: str, uuid: str) -> None:
        for link in disks.iterdir():
            link.unlink()
        (disks / uuid).symlink_to(Path("..") / name)
        mounts.write_text(stick(tmp_path, str(tmp_path / name)))

    plug("sdb1", "1A2B-3C4D")
    presence.remember(files_missing=False)
    plug("sdc1", "1A2B-3C4D")
    assert not presence.is_unmounted()
    plug("sdb1", "5E6F-7A8B")
    assert presence.is_unmounted()
    (disks / "5E6F-7A8B").unlink()  # pulled out while it is mounted
    assert presence.is_unmounted()


def test_a_share_whose_server_is_down_is_away_and_nothing_of_it_is_forgotten(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path)
    (box.presenters / "default.png").touch()
    box.drop("lesson.txt")
    (job,) = box.look()
    box.store.claim()
    box.store.finish(job.id)
    box.folder.rename(tmp_path / "elsewhere")
    box.folder.symlink_to("inbox")  # every look at it is an error, as of a server that is down
    assert MountGuard(tmp_path, box.mounts).is_unmounted()
    for step in (lambda: path_exists(box.folder / "lesson.txt"), box.look, box.put_away):
        with pytest.raises(OSError):
            step()
    assert box.store.files.source_paths() == {box.folder / "lesson.txt"}
    box.another_daemon()  # begins all the same
    box.folder.unlink()
    (tmp_path / "elsewhere").rename(box.folder)
    assert not MountGuard(tmp_path, box.mounts).is_unmounted()
    box.put_away()
    assert box.tree() == ["done/lesson.txt"]
