"""Kills at random moments. ``LECTERN_KILLS=200`` for the big run: 20 jobs, ten kills each."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import time
from pathlib import Path

import psutil
import pytest

from appliance.config import load_config
from appliance.jobs.states import State
from appliance.render.render import render
from tests.render.conftest import frames_of
from tests.soak.box import Box, count, wait_for

pytestmark = pytest.mark.slow

KILLS = count("LECTERN_KILLS", 3)
KILLS_A_JOB = 10 if KILLS >= 20 else 3
LECTURES = 2


def test_every_video_appears_once_and_as_if_nothing_had_happened(box: Box) -> None:
    chance = random.Random(1)
    inbox = box.root / "inbox"
    inbox.mkdir()
    lectures = [box.say(f"talk{n}.wav", 4.5, seed=n) for n in range(LECTURES)]
    names = [f"lesson {n:02}" for n in range(max(KILLS // KILLS_A_JOB, 1))]
    kills = 0
    for number, name in enumerate(names):
        shutil.copy(box.root / "wang.png", inbox / f"{name}.png")
        shutil.copy(lectures[number % LECTURES], inbox / f"{name}.wav")
        for turn in range(KILLS_A_JOB):
            tried = attempts(box)
            daemon = box.start()
            if turn % 2 == 0:  # else it may be hit in its start only, time after time
                wait_until_at_work(box, tried, number + 1)
            work_for(daemon.pid, worked(daemon.pid) + chance.uniform(0.1, 2.0))
            assert daemon.poll() is None, (box.root / "daemon.txt").read_text()[-3000:]
            daemon.kill()
            daemon.wait()
            kills += 1
    daemon = box.start()
    with box.store() as store:
        while len(store.jobs()) < len(names):
            time.sleep(0.5)
        box.wait_until_over(daemon, 1200)
        jobs = store.jobs()
    box.stop(daemon)
    assert [job.state for job in jobs] == [State.DONE] * len(names)
    assert kills >= KILLS - KILLS_A_JOB and sum(job.attempts for job in jobs) > len(jobs)
    found = sorted(p.name for p in (box.root / "outbox").iterdir())
    assert found == sorted(f"{n}{end}" for n in names for end in (".jpg", ".mp4", ".report.json"))
    assert os.listdir(box.root / "state" / "work") == []
    assert os.listdir(inbox) == ["done"]
    assert len(os.listdir(inbox / "done")) == 2 * len(names)
    config = load_config(box.config)
    undisturbed = []
    for lecture in lectures:
        whole = lecture.with_suffix(".mp4")
        render(box.root / "wang.png", lecture, whole, config)
        undisturbed.append(digest(whole))
    made = [digest(box.root / "outbox" / f"{name}.mp4") for name in names]
    assert made == [undisturbed[number % LECTURES] for number in range(len(names))]
    tries = sum(job.attempts for job in jobs)
    print(f"{kills} kills, {len(jobs)} jobs, {tries} attempts, all equal")


def attempts(box: Box) -> int:
    """How often work on a job has begun."""
    with box.store() as store:
        return sum(job.attempts for job in store.jobs())


def wait_until_at_work(box: Box, tried: int, count: int) -> None:
    """Until one attempt more than ``tried`` has begun, or all ``count`` jobs are done."""

    def at_work() -> bool:
        with box.store() as store:
            done = len(store.jobs([State.DONE]))
        return done == count or attempts(box) > tried

    wait_for(at_work, 60)


def work_for(pid: int, cpu_s: float) -> None:
    """Let the daemon and its children work for so many seconds of a processor, whatever else runs
    on the machine; at most ten seconds, for it may have nothing to do."""
    end = time.monotonic() + 10
    while time.monotonic() < end and worked(pid) < cpu_s:
        time.sleep(0.02)


def worked(pid: int) -> float:
    """Seconds, of those that live and of those that have ended."""
    daemon = psutil.Process(pid)
    times = [daemon.cpu_times()]
    for child in daemon.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times.append(child.cpu_times())
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def digest(video: Path) -> str:
    """Of every frame."""
    return hashlib.sha256(frames_of(video).tobytes()).hexdigest()
