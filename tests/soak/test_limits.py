"""A small disk that fills, and a small memory: the job is done all the same.

Needs root: a file system in memory is mounted, and a control group made. ``LECTERN_LONG=1`` runs
the memory's half, a real network over 1920 × 1080.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from appliance.jobs.models import NewJob
from appliance.jobs.states import JobState
from tests.soak.box import Box, count, wait_for
from tests.talking_face import babble, talking, write_video

pytestmark = pytest.mark.slow

DISK_MB, MEMORY_MB = 300, count("LECTERN_MEMORY_MB", 700)
_CGROUPS = Path("/sys/fs/cgroup")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of ``DISK_MB``."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "lectern-test", str(place)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_in_the_middle_holds_the_job_up_and_no_more(small_disk: Path) -> None:
    box = Box(small_disk)
    try:
        lecture = box.say("talk.wav", 6)
        with box.store() as store:
            job = store.add(NewJob("talk", box.root / "wang.png", lecture)).id
            daemon = box.start()
            wait_for(lambda: store.get(job).done > 0 or store.get(job).stage == "render", 90)
            filler = box.root / "holiday.mov"
            size = fill(filler)
            wait_for(lambda: [h.code for h in store.holds()] == ["low_disk_space"], 180)
            assert store.get(job).state is JobState.QUEUED
            time.sleep(3)
            assert daemon.poll() is None and store.get(job).attempts <= 2  # it does not rage
            assert filler.stat().st_size == size  # what is the user's stays
            filler.unlink()
            box.wait_until_over(daemon, 180)
            done = store.get(job)
            assert done.state is JobState.DONE and store.holds() == []
        box.stop(daemon)
        assert (box.root / "outbox" / "talk.mp4").is_file()
        print(f"{done.attempts} attempts")
    finally:
        box.end()
        print((box.root / "daemon.txt").read_text())


def fill(path: Path) -> int:
    """Write to ``path`` until nothing more fits; gives its size."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return path.stat().st_size


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group that may use ``MEMORY_MB``."""
    name = f"lectern-test-{os.getpid()}"
    first = (_CGROUPS / "memory" / name, "memory.limit_in_bytes")
    second = (_CGROUPS / name, "memory.max")
    group = next((g for g, limit in (first, second) if limited(g, limit)), None)
    if group is None:
        pytest.skip("a control group of memory needs root")
    yield group
    wait_for(lambda: not (group / "cgroup.procs").read_text(), 30)
    group.rmdir()


def limited(group: Path, limit: str) -> bool:
    """Make the control group ``group``, where that is possible."""
    try:
        group.mkdir()
    except OSError:
        return False
    try:
        (group / limit).write_text(str(MEMORY_MB << 20))
    except OSError:
        group.rmdir()
        return False
    return True


@pytest.fixture
def full_hd(box: Box) -> Path:
    """A presenter of 1920 × 1080, in a box with the shipped network and the usual settings."""
    text = box.config.read_text().replace("crf: 0", "crf: 18").replace("ultrafast", "veryfast")
    lines = (line for line in text.splitlines() if not line.startswith(("lips", "render")))
    box.config.write_text("\n".join(lines) + "\n")
    return write_video(box.root / "wang.mp4", map(enlarged, talking(babble(25, seed=3))))


@pytest.mark.skipif("LECTERN_LONG" not in os.environ, reason="LECTERN_LONG=1 runs it")
def test_full_hd_is_done_within_a_small_memory(box: Box, full_hd: Path, small_memory: Path) -> None:
    """The plan sees the control group's limit, and keeps to it with a smaller batch."""
    text = box.config.read_text()
    box.config.write_text(text.replace("veryfast", "faster"))  # which takes a third more memory
    free = render(box, full_hd, lambda pid: None)
    made = render(box, full_hd, lambda pid: join(small_memory, pid))
    peak = small_memory / "memory.max_usage_in_bytes"
    used = int(peak.read_text()) >> 20 if peak.exists() else MEMORY_MB
    print(f"without a limit {free}, with {MEMORY_MB} MB {made}, at most {used} MB in all")
    assert used <= MEMORY_MB and made.budget_mb < MEMORY_MB
    assert (made.relief, made.attempts) == (0, 1) and made.batch < free.batch


@pytest.mark.skipif("LECTERN_LONG" not in os.environ, reason="LECTERN_LONG=1 runs it")
def test_full_hd_is_done_where_allocations_fail(box: Box, full_hd: Path) -> None:
    """No plan sees this limit: the memory runs out at work, and the job makes do with less."""
    free = render(box, full_hd, lambda pid: None)
    limit = (MEMORY_MB << 20, MEMORY_MB << 20)
    made = render(box, full_hd, lambda pid: resource.prlimit(pid, resource.RLIMIT_DATA, limit))
    print(f"without a limit {free}, with {MEMORY_MB} MB {made}")
    assert free.relief == 0 and made.relief >= 1
    assert made.batch == 1 < free.batch
    assert made.took_s > free.took_s


class Made(NamedTuple):
    """What a job took."""

    took_s: float
    attempts: int
    relief: int
    batch: int
    chunks: int
    budget_mb: float
    peak_mb: float


def render(box: Box, presenter: Path, limit: Callable[[int], object]) -> Made:
    """Four seconds of lecture, by a daemon that ``limit`` is told the process of."""
    lecture = box.say("talk.wav", 4)
    with box.store() as store:
        job = store.add(NewJob("talk", presenter, lecture)).id
        daemon = box.start()
        limit(daemon.pid)
        box.wait_until_over(daemon, 2400)
        done = store.get(job)
    box.stop(daemon)
    assert done.state is JobState.DONE, done.reason
    assert done.report is not None and done.started is not None and done.finished is not None
    report = json.loads(done.report.read_text())
    plan, took_s = report["plan"], done.finished - done.started
    return Made(
        round(took_s, 1), done.attempts, done.degrade_level, plan["batch"], plan["chunks"],
        plan["budget_mb"], report["peak_rss_mb"],
    )  # fmt: skip


def join(group: Path, pid: int) -> None:
    """Put a process, with the children it will have, into a control group."""
    (group / "cgroup.procs").write_text(str(pid))


def enlarged(
    image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """1920 × 1080 with the face in the middle."""
    wide = np.full((1080, 1920, 3), 90, np.uint8)
    wide[40:1040, 460:1460] = cv2.resize(image, (1000, 1000), interpolation=cv2.INTER_LINEAR)
    return wide
