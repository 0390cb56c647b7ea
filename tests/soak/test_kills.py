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
from tests.soak.box import Box, count, wait_for

pytestmark = pytest.mark.slow

KILLS = count("LECTERN_KILLS", 3)
KILLS_A_JOB = 10 if KILLS >= 20 else 3
LECTURES = 2 if KILLS >= 20 else 1
LECTURE_S = 18 if KILLS >= 20 else 12
"""As many chunks: about what ten kills leave time for."""
LIMIT_S = 600
"""For one step, on a machine that is busy with other things."""


def test_every_video_appears_once_and_as_if_nothing_had_happened(box: Box) -> None:
    chance = random.Random(1)
    inbox = box.root / "inbox"
    inbox.mkdir()
    lectures = [box.say(f"talk{n}.wav", LECTURE_S, seed=n) for n in range(LECTURES)]
    names = [f"lesson {n:02}" for n in range(max(KILLS // KILLS_A_JOB, 1))]
    hit: Counter[str] = Counter()
    dropped = 0
    with box.store() as store:
        for kill in range(len(names) * KILLS_A_JOB):
            if kill % KILLS_A_JOB == 0:
                shutil.copy(box.root / "wang.png", inbox / f"{names[dropped]}.png")
                shutil.copy(lectures[dropped % LECTURES], inbox / f"{names[dropped]}.wav")
                dropped += 1
            hit[kill_at_random(box, store, kill, dropped, chance)] += 1
            print(kill + 1, dict(hit), flush=True)
        daemon = box.start()
        wait_for(lambda: len(store.jobs()) == len(names), LIMIT_S)
        box.wait_until_over(daemon, LIMIT_S + 60 * len(names))
        jobs = store.jobs()
    box.stop(daemon)
    assert [job.state for job in jobs] == [JobState.DONE] * len(names)
    # Most kills hit a rendering; only a finished video leaves none to hit.
    assert hit.total() >= KILLS - KILLS_A_JOB and hit["a job in hand"] > hit.total() / 2
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
    print(f"{hit.total()} kills ({dict(hit)}), {len(jobs)} jobs, {tries} attempts, all equal")


def kill_at_random(
    box: Box, store: JobStore, turn: int, dropped: int, chance: random.Random
) -> str:
    """Start the daemon and kill it, children and all: mostly while it works on a job, now and then
    in its start or when it has just finished one. Gives what it was at when it died."""
    tried, done = attempts(store), len(store.jobs([JobState.DONE]))
    daemon = box.start()
    at_work, over = attempt_after(store, tried), done_after(store, done, dropped)
    if turn % 20 == 9:  # the delivery, and the putting away of the sources
        wait_for(over, LIMIT_S, pause_s=0.01)
        work_for(daemon.pid, worked(daemon.pid) + chance.uniform(0, 0.2), at_most_s=5)
    elif turn % 5 == 4:
        work_for(daemon.pid, chance.uniform(0, 1), at_most_s=30)
    else:
        wait_for(lambda: at_work() or over(), LIMIT_S)
        work_for(daemon.pid, worked(daemon.pid) + chance.uniform(0, 2.2), over)
    assert daemon.poll() is None, (box.root / "daemon.txt").read_text()[-3000:]
    daemon.kill()
    daemon.wait()
    if attempts(store) == tried:
        return "the start"
    return "a job in hand" if store.jobs([JobState.RUNNING]) else "nothing in hand"


def attempts(store: JobStore) -> int:
    """How often work on a job has begun."""
    return sum(job.attempts for job in store.jobs())


def attempt_after(store: JobStore, tried: int) -> Callable[[], bool]:
    """Says whether more attempts than ``tried`` have begun."""
    return lambda: attempts(store) > tried


def done_after(store: JobStore, before: int, dropped: int) -> Callable[[], bool]:
    """Says whether more jobs are done than ``before``, or all that were ``dropped``."""
    return lambda: len(store.jobs([JobState.DONE])) >= min(before + 1, dropped)


def work_for(
    pid: int, cpu_s: float, over: Callable[[], bool] = lambda: False, at_most_s: float = LIMIT_S
) -> None:
    """Let the daemon and its children come to so many seconds of a processor, whatever else runs
    on the machine; or until there is nothing more to do."""
    end = time.monotonic() + at_most_s
    while time.monotonic() < end and worked(pid) < cpu_s and not over():
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
