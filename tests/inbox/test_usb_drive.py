"""A real FAT file system as a USB stick that is drawn out in the middle of things."""

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
from tests.inbox.box import SETTLE, UNSURE, Box, facts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("fusefat") and shutil.which("mkfs.vfat", path="/usr/sbin:/usr/bin")),
        reason="fusefat or mkfs.vfat is not installed",
    ),
]


class Stick:
    """A FAT image that can be put in at ``place`` and drawn out at any moment."""

    def __init__(self, image: Path, place: Path) -> None:
        self.image, self.place = image, place
        self._driver: subprocess.Popen[bytes] | None = None
        with image.open("wb") as file:
            file.truncate(36 << 20)  # the least that FAT32 takes
        mkfs = str(shutil.which("mkfs.vfat", path="/usr/sbin:/usr/bin"))
        subprocess.run([mkfs, "-F", "32", str(image)], check=True, capture_output=True)

    def put_in(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        self._driver = subprocess.Popen(
            ["fusefat", "-f", "-o", "rw+", str(self.image), str(self.place)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 10
        while not os.path.ismount(self.place):
            if self._driver.poll() is not None or time.monotonic() > end:
                pytest.skip("FUSE is not to be had here")
            time.sleep(0.02)

    def draw(self) -> None:
        """Without a word: what is in the air is lost, and every access fails."""
        if self._driver is not None:
            self._driver.kill()
            self._driver.wait()
            self._driver = None

    def tidy_up(self) -> None:
        """What the system does some time after: the mount is gone."""
        subprocess.run(["umount", "-l", str(self.place)], check=False, capture_output=True)


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Stick]:
    made = Stick(tmp_path / "stick.img", tmp_path / "place" / "inbox")
    made.put_in()
    yield made
    made.draw()
    made.tidy_up()


def box_on(stick: Stick) -> Box:
    """A box whose inbox is the stick, with the kernel's own list of mounts."""
    box = Box(stick.place.parent)
    box.mounts = MOUNTINFO
    (box.presenters / "default.png").touch()
    box.another_daemon()
    return box


def test_an_inbox_on_a_stick_that_is_drawn_in_the_middle_of_a_copy(stick: Stick) -> None:
    box = box_on(stick)
    mount = find_mount(box.folder, read_mounts(MOUNTINFO.read_text()))
    assert mount is not None and mount.events_unreliable
    box.drop("waits.mp4")
    box.inbox._watcher.is_due(busy=False)
    (waiting,) = box.look(UNSURE)
    assert facts(waiting)[1] == "waiting"

    with pytest.raises(OSError), (box.folder / "lesson.txt").open("wb", buffering=0) as file:
        file.write(b"half of the lesson")
        box.look(SETTLE)
        stick.draw()
        file.write(b", and the other half")
    with pytest.raises(OSError):
        box.inbox.scan()
    box.inbox._scan_if_due()  # as the daemon does: it complains, and goes on
    stick.tidy_up()
    for _ in range(5):
        assert [job.id for job in box.look(UNSURE)] == [waiting.id]
        assert box.store.get(waiting.id).state is JobState.WAITING

    stick.put_in()
    box.inbox._watcher.is_due(busy=False)
    assert len(box.look(UNSURE - 1)) == 1  # what lies there may be half a copy
    (box.folder / "lesson.txt").unlink()  # this driver can neither shorten a file nor go on with it
    (box.folder / "lesson.txt").write_bytes(b"the whole of the lesson")
    assert len(box.look(UNSURE - 1)) == 1
    box.clock.time += UNSURE
    box.inbox.scan()
    jobs = box.look(UNSURE)
    assert [facts(job)[:2] for job in jobs] == [("waits", "waiting"), ("lesson", "queued")]

    box.store.claim()
    box.store.finish(jobs[1].id)
    archive_sources(box.store, box.store.get(jobs[1].id), box.folder)
    assert (box.folder / "done" / "lesson.txt").read_bytes() == b"the whole of the lesson"


def test_an_outbox_on_a_stick_that_is_drawn_while_a_video_is_delivered(
    stick: Stick, tmp_path: Path
) -> None:
    box = Box(tmp_path / "elsewhere")
    outbox, video = stick.place / "out", tmp_path / "lesson.mp4"
    video.write_bytes(os.urandom(3_000_000))
    video.with_suffix(".jpg").write_bytes(b"picture")
    job = box.store.add(NewJob("Why: a/b?", Path("p.mp4"), Path("l.wav")))
    report = {"output": {"path": ""}}
    stick.draw()
    with pytest.raises(Fault) as caught:
        deliver(box.store, job, video, report, outbox)
    assert caught.value.code == "encoder_failed"
    stick.tidy_up()
    stick.put_in()
    for _ in range(2):  # the second time as after a power cut
        assert deliver(box.store, job, video, report, outbox) == outbox / "Why_ a_b_.mp4"
    stick.draw()
    stick.tidy_up()
    stick.put_in()  # it is all on the stick
    assert (outbox / "Why_ a_b_.mp4").read_bytes() == video.read_bytes()
    assert sorted(os.listdir(outbox)) == [
        "Why_ a_b_.jpg", "Why_ a_b_.mp4", "Why_ a_b_.report.json",
    ]  # fmt: skip


def test_a_full_stick_says_so_and_holds_no_debris(stick: Stick, tmp_path: Path) -> None:
    box = Box(tmp_path / "elsewhere")
    outbox, video = stick.place / "out", tmp_path / "lesson.mp4"
    video.write_bytes(bytes(40 << 20))
    job = box.store.add(NewJob("lesson", Path("p.mp4"), Path("l.wav")))
    with pytest.raises(Fault) as caught:
        deliver(box.store, job, video, {"output": {}}, outbox)
    assert caught.value.code in ("disk_full", "encoder_failed")
    assert [name for name in os.listdir(outbox) if not name.startswith(".fuse")] == []
