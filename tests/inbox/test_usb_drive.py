"""Tests with a real FAT file system that is removed like a USB drive."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.daemon.delivery import deliver
from appliance.errors import Fault
from appliance.files.mounts import MOUNTINFO, find_mount, read_mounts
from appliance.inbox.archive import archive_sources
from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from tests.inbox.harness import SETTLE_S, SETTLE_UNKNOWN_S, InboxHarness, summary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("fusefat") and shutil.which("mkfs.vfat", path="/usr/sbin:/usr/bin")),
        reason="fusefat or mkfs.vfat is not installed",
    ),
]


class UsbDrive:
    """A FAT image that can be mounted at ``mount_point`` and removed at any moment."""

    def __init__(self, image: Path, mount_point: Path) -> None:
        self.image, self.mount_point = image, mount_point
        self._driver: subprocess.Popen[bytes] | None = None
        with image.open("wb") as file:
            file.truncate(36 << 20)  # the minimum size of FAT32
        mkfs = str(shutil.which("mkfs.vfat", path="/usr/sbin:/usr/bin"))
        subprocess.run([mkfs, "-F", "32", str(image)], check=True, capture_output=True)

    def plug_in(self) -> None:
        self.mount_point.mkdir(parents=True, exist_ok=True)
        self._driver = subprocess.Popen(
            ["fusefat", "-f", "-o", "rw+", str(self.image), str(self.mount_point)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 10
        while not os.path.ismount(self.mount_point):
            if self._driver.poll() is not None or time.monotonic() > end:
                pytest.skip("FUSE is not available here")
            time.sleep(0.02)

    def remove(self) -> None:
        """Remove the drive without unmounting: unwritten data is lost, and every access fails."""
        if self._driver is not None:
            self._driver.kill()
            self._driver.wait()
            self._driver = None

    def unmount(self) -> None:
        """Unmount the drive, as the system does some time after its removal."""
        subprocess.run(["umount", "-l", str(self.mount_point)], check=False, capture_output=True)


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[UsbDrive]:
    drive = UsbDrive(tmp_path / "drive.img", tmp_path / "root" / "inbox")
    drive.plug_in()
    yield drive
    drive.remove()
    drive.unmount()


def inbox_on(drive: UsbDrive) -> InboxHarness:
    """Return a harness whose inbox is the drive, with the kernel's list of mounts."""
    harness = InboxHarness(drive.mount_point.parent)
    harness.mounts = MOUNTINFO
    (harness.presenters / "default.png").touch()
    harness.restart()
    return harness


def test_inbox_drive_is_removed_during_a_copy(drive: UsbDrive) -> None:
    harness = inbox_on(drive)
    mount = find_mount(harness.folder, read_mounts(MOUNTINFO.read_text()))
    assert mount is not None and mount.events_unreliable
    harness.drop("waits.mp4")
    harness.scanner._watcher.is_due(busy=False)
    (waiting,) = harness.scan(SETTLE_UNKNOWN_S)
    assert summary(waiting)[1] == "waiting"

    with pytest.raises(OSError), (harness.folder / "lesson.txt").open("wb", buffering=0) as file:
        file.write(b"first half of the lesson")
        harness.scan(SETTLE_S)
        drive.remove()
        file.write(b", and the second half")
    with pytest.raises(OSError):
        harness.scanner.scan()
    harness.scanner._scan_if_due()  # as the daemon does: it logs the error and continues
    drive.unmount()
    for _ in range(5):
        assert [job.id for job in harness.scan(SETTLE_UNKNOWN_S)] == [waiting.id]
        assert harness.store.get(waiting.id).state is JobState.WAITING

    drive.plug_in()
    harness.scanner._watcher.is_due(busy=False)
    assert len(harness.scan(SETTLE_UNKNOWN_S - 1)) == 1  # the file may be incomplete
    # This driver can neither truncate a file nor append to it.
    (harness.folder / "lesson.txt").unlink()
    (harness.folder / "lesson.txt").write_bytes(b"the complete lesson")
    assert len(harness.scan(SETTLE_UNKNOWN_S - 1)) == 1
    harness.clock.time += SETTLE_UNKNOWN_S
    harness.scanner.scan()
    jobs = harness.scan(SETTLE_UNKNOWN_S)
    assert [summary(job)[:2] for job in jobs] == [("waits", "waiting"), ("lesson", "queued")]

    harness.store.claim()
    harness.store.finish(jobs[1].id)
    archive_sources(harness.store, harness.store.get(jobs[1].id), harness.folder)
    assert (harness.folder / "done" / "lesson.txt").read_bytes() == b"the complete lesson"


def test_outbox_drive_is_removed_during_delivery(drive: UsbDrive, tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path / "elsewhere")
    outbox, video = drive.mount_point / "out", tmp_path / "lesson.mp4"
    video.write_bytes(os.urandom(3_000_000))
    video.with_suffix(".jpg").write_bytes(b"picture")
    job = harness.store.add(NewJob("Why: a/b?", Path("p.mp4"), Path("l.wav")))
    report = {"output": {"path": ""}}
    drive.remove()
    with pytest.raises(Fault) as caught:
        deliver(harness.store, job, video, report, outbox)
    assert caught.value.code == "encoder_failed"
    drive.unmount()
    drive.plug_in()
    for _ in range(2):  # the second time as after a power cut
        assert deliver(harness.store, job, video, report, outbox) == outbox / "Why_ a_b_.mp4"
    drive.remove()
    drive.unmount()
    drive.plug_in()  # all files are on the drive
    assert (outbox / "Why_ a_b_.mp4").read_bytes() == video.read_bytes()
    assert sorted(os.listdir(outbox)) == [
        "Why_ a_b_.jpg", "Why_ a_b_.mp4", "Why_ a_b_.report.json",
    ]  # fmt: skip


def test_full_drive_is_reported_and_left_clean(drive: UsbDrive, tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path / "elsewhere")
    outbox, video = drive.mount_point / "out", tmp_path / "lesson.mp4"
    video.write_bytes(bytes(40 << 20))
    job = harness.store.add(NewJob("lesson", Path("p.mp4"), Path("l.wav")))
    with pytest.raises(Fault) as caught:
        deliver(harness.store, job, video, {"output": {}}, outbox)
    assert caught.value.code in ("disk_full", "encoder_failed")
    assert [name for name in os.listdir(outbox) if not name.startswith(".fuse")] == []
