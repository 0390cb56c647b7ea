"""Simulations of power cuts, and of jobs that crash the device, with the real queue."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.jobs.backoff import MAX_BACKOFF_S, fault_backoff_s, interruption_backoff_s
from appliance.jobs.models import NewJob
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

TICK_S = 5.0


class Device:
    """A device that works on the queue in steps of ``TICK_S`` and may go down after each of them.

    ``progress_after_s`` is how long a job takes until it first makes progress (and is then done). A
    job named ``poison`` crashes the device instead. ``cuts`` are the seconds between power cuts.
    """

    def __init__(self, path: Path, progress_after_s: float, cuts: Iterator[float]) -> None:
        self.time = 1_000_000.0
        self.store = WorkerStore(
            path,
            max_attempts_without_progress=10,
            now=lambda: self.time,
            since_boot=lambda: self.time,
        )
        self.progress_after_s = progress_after_s
        self.cuts = cuts
        self.downs = 0

    def add(self, stem: str) -> int:
        return self.store.add(NewJob(stem, Path("p"), Path("l"))).id

    def run(self, limit_s: float) -> None:
        """Run until every job has ended, at most for ``limit_s``."""
        end = self.time + limit_s
        while self.time < end and len(self.store.jobs(FINAL_STATES)) < len(self.store.jobs()):
            self._until_down()
            self.downs += 1
            self.time += 60  # the device is off
            self.store.recover(unclean_shutdown=True)

    def _until_down(self) -> None:
        cut = self.time + next(self.cuts)
        job, started = None, 0.0
        while self.time < cut:
            if job is None:
                job, started = self.store.claim(), self.time
            self.time += TICK_S
            if job is not None and job.stem == "poison":
                return
            if job is not None and self.time - started >= self.progress_after_s:
                self.store.update_progress(job.id, "render", 1, 1, made_progress=True)
                self.store.finish(job.id)
                job = None
            if len(self.store.jobs(FINAL_STATES)) == len(self.store.jobs()):
                return


def steady() -> Iterator[float]:
    while True:
        yield 1e9


def every(seconds: float, times: int) -> Iterator[float]:
    """Yield a limited number of power cuts."""
    yield from [seconds] * times
    yield from steady()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store_path(tmp_path)


class TestPowerCuts:
    @pytest.mark.parametrize("interval_s", [30.0, 100.0, 300.0, 1000.0])
    def test_frequent_power_cuts_do_not_fail_a_slow_job(
        self, path: Path, interval_s: float
    ) -> None:
        device = Device(path, progress_after_s=interval_s + 100, cuts=every(interval_s, 60))
        good = [device.add("a"), device.add("b")]
        device.run(1e7)
        assert device.downs >= 60
        assert [device.store.get(job).state for job in good] == [JobState.DONE, JobState.DONE]

    def test_random_power_cuts_do_not_fail_jobs(self, path: Path) -> None:
        rng = random.Random(4)
        random_cuts = (rng.expovariate(1 / 200) for _ in range(200))
        cuts = (seconds for source in (random_cuts, steady()) for seconds in source)
        device = Device(path, progress_after_s=400, cuts=cuts)
        good = [device.add(str(number)) for number in range(5)]
        device.run(1e7)
        assert {device.store.get(job).state for job in good} == {JobState.DONE}


class TestCrashingJob:
    def test_crashing_job_fails_without_blocking_others(self, path: Path) -> None:
        device = Device(path, progress_after_s=50, cuts=steady())
        poison = [device.add("poison"), device.add("poison")]
        good = [device.add(str(number)) for number in range(4)]
        device.run(1e6)
        assert device.downs <= 2 * 10 + 1
        for job in poison:
            found = device.store.get(job)
            assert found.state is JobState.FAILED and found.reason is not None
            assert found.reason.code == "repeatedly_interrupted"
        done = [device.store.get(job) for job in good]
        assert {job.state for job in done} == {JobState.DONE}
        failed = min(device.store.get(job).finished or 0 for job in poison)
        assert max(job.finished or 0 for job in done) < failed

    def test_crashing_job_fails_among_power_cuts(self, path: Path) -> None:
        device = Device(path, progress_after_s=50, cuts=every(20_000, 100_000))
        poison, good = device.add("poison"), device.add("good")
        device.run(1e8)
        assert device.store.get(poison).state is JobState.FAILED
        assert device.store.get(good).state is JobState.DONE


class TestBackoff:
    def test_waits_double_up_to_one_hour(self) -> None:
        assert [fault_backoff_s(n) for n in (0, 1, 2, 3, 99)] == [10, 10, 20, 40, MAX_BACKOFF_S]
        waits = [interruption_backoff_s(n, 10) for n in range(1, 10)]
        assert waits[:2] == [0, 0] and waits[-1] == MAX_BACKOFF_S
        assert all(2 * a == b for a, b in pairwise(waits[2:]))

    @pytest.mark.parametrize("maximum", [1, 2, 3])
    def test_small_maximum_still_includes_the_longest_wait(self, maximum: int) -> None:
        assert (
            max(interruption_backoff_s(n, maximum) for n in range(1, maximum + 1)) == MAX_BACKOFF_S
        )
