"""A small disk that fills up, and little memory: the job is finished nevertheless.

Needs root: a file system in memory is mounted, and a control group created.
``LECTERN_LONG=1`` also runs the memory tests, with a real network at 1920 × 1080.
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
from tests.soak.device import Device, count, wait_for
from tests.talking_face import babble, talking, write_video

pytestmark = pytest.mark.slow

DISK_MB, MEMORY_MB = 300, count("LECTERN_MEMORY_MB", 700)
_CGROUPS = Path("/sys/fs/cgroup")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of ``DISK_MB``."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "lectern-test", str(folder)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk_only_delays_the_job(small_disk: Path) -> None:
    device = Device(small_disk)
    try:
        lecture = device.write_lecture("talk.wav", 6)
        with device.store() as store:
            job = store.add(NewJob("talk", device.root / "wang.png", lecture)).id
            daemon = device.start()
            wait_for(lambda: store.get(job).done > 0 or store.get(job).stage == "render", 90)
            filler = device.root / "holiday.mov"
            size = fill(filler)
            wait_for(lambda: [h.code for h in store.holds()] == ["low_disk_space"], 180)
            assert store.get(job).state is JobState.QUEUED
            time.sleep(3)
            assert (
                daemon.poll() is None and store.get(job).attempts <= 2
            )  # no busy loop of attempts
            assert filler.stat().st_size == size  # user files are kept
            filler.unlink()
            device.wait_until_all_ended(daemon, 180)
            done = store.get(job)
            assert done.state is JobState.DONE and store.holds() == []
        device.stop(daemon)
        assert (device.root / "outbox" / "talk.mp4").is_file()
        print(f"{done.attempts} attempts")
    finally:
        device.kill()
        print((device.root / "daemon.txt").read_text())


def fill(path: Path) -> int:
    """Write to ``path`` until nothing more fits; return its size."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return path.stat().st_size


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group limited to ``MEMORY_MB``."""
    name = f"lectern-test-{os.getpid()}"
    first = (_CGROUPS / "memory" / name, "memory.limit_in_bytes")
    second = (_CGROUPS / name, "memory.max")
    group = next((g for g, limit in (first, second) if create_limited(g, limit)), None)
    if group is None:
        pytest.skip("a control group of memory needs root")
    yield group
    wait_for(lambda: not (group / "cgroup.procs").read_text(), 30)
    group.rmdir()


def create_limited(group: Path, limit: str) -> bool:
    """Create the control group ``group``; return False if that is not possible."""
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
def full_hd(device: Device) -> Path:
    """A presenter of 1920 × 1080, in a device with the shipped network and the usual settings."""
    text = device.config.read_text().replace("crf: 0", "crf: 18").replace("ultrafast", "veryfast")
    lines = (line for line in text.splitlines() if not line.startswith(("lips", "render")))
    device.config.write_text("\n".join(lines) + "\n")
    return write_video(device.root / "wang.mp4", map(enlarged, talking(babble(25, seed=3))))


@pytest.mark.skipif("LECTERN_LONG" not in os.environ, reason="LECTERN_LONG=1 runs it")
def test_full_hd_job_fits_a_small_memory_limit(
    device: Device, full_hd: Path, small_memory: Path
) -> None:
    """The plan respects the control group's limit with a smaller batch."""
    text = device.config.read_text()
    device.config.write_text(text.replace("veryfast", "faster"))  # takes a third more memory
    free = render(device, full_hd, lambda pid: None)
    limited_run = render(device, full_hd, lambda pid: join(small_memory, pid))
    peak = small_memory / "memory.max_usage_in_bytes"
    used = int(peak.read_text()) >> 20 if peak.exists() else MEMORY_MB
    print(f"without a limit {free}, with {MEMORY_MB} MB {limited_run}, at most {used} MB in all")
    assert used <= MEMORY_MB and limited_run.budget_mb < MEMORY_MB
    assert (limited_run.degrade_level, limited_run.attempts) == (
        0,
        1,
    ) and limited_run.batch < free.batch


@pytest.mark.skipif("LECTERN_LONG" not in os.environ, reason="LECTERN_LONG=1 runs it")
def test_full_hd_job_is_degraded_when_allocations_fail(device: Device, full_hd: Path) -> None:
    """The plan does not know this limit: memory runs out, and the job is degraded."""
    free = render(device, full_hd, lambda pid: None)
    limit = (MEMORY_MB << 20, MEMORY_MB << 20)
    limited_run = render(
        device, full_hd, lambda pid: resource.prlimit(pid, resource.RLIMIT_DATA, limit)
    )
    print(f"without a limit {free}, with {MEMORY_MB} MB {limited_run}")
    assert free.degrade_level == 0 and limited_run.degrade_level >= 1
    assert limited_run.batch == 1 < free.batch
    assert limited_run.took_s > free.took_s


class Measurements(NamedTuple):
    """Measurements of a finished job."""

    took_s: float
    attempts: int
    degrade_level: int
    batch: int
    chunks: int
    budget_mb: float
    peak_mb: float


def render(device: Device, presenter: Path, limit: Callable[[int], object]) -> Measurements:
    """Render four seconds with a daemon whose process ID is passed to ``limit``."""
    lecture = device.write_lecture("talk.wav", 4)
    with device.store() as store:
        job = store.add(NewJob("talk", presenter, lecture)).id
        daemon = device.start()
        limit(daemon.pid)
        device.wait_until_all_ended(daemon, 2400)
        done = store.get(job)
    device.stop(daemon)
    assert done.state is JobState.DONE, done.reason
    assert done.report is not None and done.started is not None and done.finished is not None
    report = json.loads(done.report.read_text())
    plan, took_s = report["plan"], done.finished - done.started
    return Measurements(
        round(took_s, 1), done.attempts, done.degrade_level, plan["batch"], plan["chunks"],
        plan["budget_mb"], report["peak_rss_mb"],
    )  # fmt: skip


def join(group: Path, pid: int) -> None:
    """Move a process and its future children into a control group."""
    (group / "cgroup.procs").write_text(str(pid))


def enlarged(
    image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a frame of 1920 × 1080 with the face in the middle."""
    wide = np.full((1080, 1920, 3), 90, np.uint8)
    wide[40:1040, 460:1460] = cv2.resize(image, (1000, 1000), interpolation=cv2.INTER_LINEAR)
    return wide
