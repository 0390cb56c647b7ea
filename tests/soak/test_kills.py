"""Kills at random moments. ``LECTERN_KILLS=200`` for the big run: 20 jobs, ten kills each."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from appliance.config import load_config
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore
from appliance.render.render import render
from tests.render.conftest import frames_of
from tests.soak.device import Device, count, wait_for

pytestmark = pytest.mark.slow

KILLS = count("LECTERN_KILLS", 3)
KILLS_A_JOB = 10 if KILLS >= 20 else 3
LECTURES = 2 if KILLS >= 20 else 1
LECTURE_S = 18 if KILLS >= 20 else 12
"""Duration of a lecture in seconds, which is also the number of chunks."""
LIMIT_S = 600
"""Time limit of one step, on a busy machine."""


def test_killed_daemon_delivers_each_video_once_and_unchanged(device: Device) -> None:
    chance = random.Random(1)
    inbox = device.root / "inbox"
    inbox.mkdir()
    lectures = [device.write_lecture(f"talk{n}.wav", LECTURE_S, seed=n) for n in range(LECTURES)]
    names = [f"lesson {n:02}" for n in range(max(KILLS // KILLS_A_JOB, 1))]
    hit: Counter[str] = Counter()
    dropped = 0
    with device.store() as store:
        for kill in range(len(names) * KILLS_A_JOB):
            if kill % KILLS_A_JOB == 0:
                shutil.copy(device.root / "wang.png", inbox / f"{names[dropped]}.png")
                shutil.copy(lectures[dropped % LECTURES], inbox / f"{names[dropped]}.wav")
                dropped += 1
            hit[kill_at_random(device, store, kill, dropped, chance)] += 1
            print(kill + 1, dict(hit), flush=True)
        daemon = device.start()
        wait_for(lambda: len(store.jobs()) == len(names), LIMIT_S)
        device.wait_until_all_ended(daemon, LIMIT_S + 60 * len(names))
        jobs = store.jobs()
    device.stop(daemon)
    assert [job.state for job in jobs] == [JobState.DONE] * len(names)
    # Most kills interrupt a rendering, unless a video has just been finished; of a few kills, the
    # share is a matter of chance.
    share = 1 / 2 if KILLS >= 20 else 0
    assert hit.total() >= KILLS - KILLS_A_JOB and hit["a current job"] > hit.total() * share
    found = sorted(p.name for p in (device.root / "outbox").iterdir())
    assert found == sorted(f"{n}{end}" for n in names for end in (".jpg", ".mp4", ".report.json"))
    assert os.listdir(device.root / "state" / "work") == []
    assert os.listdir(inbox) == ["done"]
    assert len(os.listdir(inbox / "done")) == 2 * len(names)
    config = load_config(device.config)
    undisturbed = []
    for lecture in lectures:
        whole = lecture.with_suffix(".mp4")
        render(device.root / "wang.png", lecture, whole, config)
        undisturbed.append(digest(whole))
    made = [digest(device.root / "outbox" / f"{name}.mp4") for name in names]
    assert made == [undisturbed[number % LECTURES] for number in range(len(names))]
    tries = sum(job.attempts for job in jobs)
    print(f"{hit.total()} kills ({dict(hit)}), {len(jobs)} jobs, {tries} attempts, all equal")


def kill_at_random(
    device: Device, store: JobStore, turn: int, dropped: int, chance: random.Random
) -> str:
    """Start the daemon and kill it with its children; return what it was doing.

    It is mostly killed while it executes a job, sometimes during its start or after a job.
    """
    tried, done = attempts(store), len(store.jobs([JobState.DONE]))
    daemon = device.start()
    at_work, over = attempt_after(store, tried), done_after(store, done, dropped)
    if turn % 20 == 9:  # during delivery and archiving
        wait_for(over, LIMIT_S, pause_s=0.01)
        work_for(daemon.pid, worked(daemon.pid) + chance.uniform(0, 0.2), at_most_s=5)
    elif turn % 5 == 4:
        work_for(daemon.pid, chance.uniform(0, 1), at_most_s=30)
    else:
        wait_for(lambda: at_work() or over(), LIMIT_S)
        work_for(daemon.pid, worked(daemon.pid) + chance.uniform(0, 2.2), over)
    assert daemon.poll() is None, (device.root / "daemon.txt").read_text()[-3000:]
    daemon.kill()
    daemon.wait()
    if attempts(store) == tried:
        return "the start"
    return "a current job" if store.jobs([JobState.RUNNING]) else "no job"


def attempts(store: JobStore) -> int:
    """Return the number of attempts at all jobs."""
    return sum(job.attempts for job in store.jobs())


def attempt_after(store: JobStore, tried: int) -> Callable[[], bool]:
    """Return a function that returns whether more than ``tried`` attempts have started."""
    return lambda: attempts(store) > tried


def done_after(store: JobStore, before: int, dropped: int) -> Callable[[], bool]:
    """Return a function that returns whether more jobs than ``before``, or all, are done."""
    return lambda: len(store.jobs([JobState.DONE])) >= min(before + 1, dropped)


def work_for(
    pid: int, cpu_s: float, over: Callable[[], bool] = lambda: False, at_most_s: float = LIMIT_S
) -> None:
    """Wait until the daemon and its children have used ``cpu_s`` seconds of processor time.

    Returns earlier if ``over`` returns True. Processor time does not depend on other load.
    """
    end = time.monotonic() + at_most_s
    while time.monotonic() < end and worked(pid) < cpu_s and not over():
        time.sleep(0.02)


def worked(pid: int) -> float:
    """Return the processor time in seconds of the daemon and all its children."""
    daemon = psutil.Process(pid)
    times = [daemon.cpu_times()]
    for child in daemon.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times.append(child.cpu_times())
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def digest(video: Path) -> str:
    """Return a digest of all frames."""
    return hashlib.sha256(frames_of(video).tobytes()).hexdigest()
