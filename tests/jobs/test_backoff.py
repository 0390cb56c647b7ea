"""Storms of power cuts and jobs that bring the box down, played through with the real queue."""

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


class Box:
    """A box that works on the queue in steps of ``TICK_S``, and may go down after any of them.

    ``learns_s`` is how long a job takes until it first gets further (and is then soon done);
    over a job named ``poison`` the box goes down instead. ``cuts`` are the seconds between one
    power cut and the next.
    """

    def __init__(self, path: Path, learns_s: float, cuts: Iterator[float]) -> None:
        self.time = 1_000_000.0
        self.store = WorkerStore(path, max_attempts_without_progress=10, now=lambda: self.time)
        self.learns_s = learns_s
        self.cuts = cuts
        self.downs = 0

    def add(self, stem: str) -> int:
        return self.store.add(NewJob(stem, Path("p"), Path("l"))).id

    def run(self, limit_s: float) -> None:
        """Until every job is over, or for ``limit_s``."""
        end = self.time + limit_s
        while self.time < end and len(self.store.jobs(FINAL_STATES)) < len(self.store.jobs()):
            self._until_down()
            self.downs += 1
            self.time += 60  # nobody is there to count these
            self.store.recover(unclean_shutdown=True)

    def _until_down(self) -> None:
        cut = self.time + next(self.cuts)
        job, began = None, 0.0
        while self.time < cut:
            if job is None:
                job, began = self.store.claim(), self.time
            self.time += TICK_S
            if job is not None and job.stem == "poison":
                return
            if job is not None and self.time - began >= self.learns_s:
                self.store.update_progress(job.id, "render", 1, 1, made_progress=True)
                self.store.finish(job.id)
                job = None
            if len(self.store.jobs(FINAL_STATES)) == len(self.store.jobs()):
                return


def steady() -> Iterator[float]:
    while True:
        yield 1e9


def every(seconds: float, times: int) -> Iterator[float]:
    """A storm that ends."""
    yield from [seconds] * times
    yield from steady()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store_path(tmp_path)


class TestStorm:
    @pytest.mark.parametrize("interval_s", [30.0, 100.0, 300.0, 1000.0])
    def test_cuts_more_often_than_a_job_can_learn_never_fail_it(
        self, path: Path, interval_s: float
    ) -> None:
        box = Box(path, learns_s=interval_s + 100, cuts=every(interval_s, 60))
        good = [box.add("a"), box.add("b")]
        box.run(1e7)
        assert box.downs >= 60
        assert [box.store.get(job).state for job in good] == [JobState.DONE, JobState.DONE]

    def test_cuts_at_random_never_fail_a_job_either(self, path: Path) -> None:
        chance = random.Random(4)
        storm = (chance.expovariate(1 / 200) for _ in range(200))
        cuts = (seconds for source in (storm, steady()) for seconds in source)
        box = Box(path, learns_s=400, cuts=cuts)
        good = [box.add(str(number)) for number in range(5)]
        box.run(1e7)
        assert {box.store.get(job).state for job in good} == {JobState.DONE}


class TestPoison:
    def test_what_brings_the_box_down_is_given_up_and_holds_nobody_up(self, path: Path) -> None:
        box = Box(path, learns_s=50, cuts=steady())
        poison = [box.add("poison"), box.add("poison")]
        good = [box.add(str(number)) for number in range(4)]
        box.run(1e6)
        assert box.downs <= 2 * 10 + 1
        for job in poison:
            found = box.store.get(job)
            assert found.state is JobState.FAILED and found.reason is not None
            assert found.reason.code == "repeatedly_interrupted"
        done = [box.store.get(job) for job in good]
        assert {job.state for job in done} == {JobState.DONE}
        failed = min(box.store.get(job).finished or 0 for job in poison)
        assert max(job.finished or 0 for job in done) < failed

    def test_it_is_given_up_among_power_cuts_as_well(self, path: Path) -> None:
        box = Box(path, learns_s=50, cuts=every(20_000, 100_000))
        poison, good = box.add("poison"), box.add("good")
        box.run(1e8)
        assert box.store.get(poison).state is JobState.FAILED
        assert box.store.get(good).state is JobState.DONE


class TestRests:
    def test_they_double_up_to_an_hour_before_the_cap(self) -> None:
        assert [fault_backoff_s(n) for n in (0, 1, 2, 3, 99)] == [10, 10, 20, 40, MAX_BACKOFF_S]
        rests = [interruption_backoff_s(n, 10) for n in range(1, 10)]
        assert rests[:2] == [0, 0] and rests[-1] == MAX_BACKOFF_S
        assert all(2 * a == b for a, b in pairwise(rests[2:]))

    @pytest.mark.parametrize("cap", [1, 2, 3])
    def test_a_small_cap_still_leaves_a_trial(self, cap: int) -> None:
        assert max(interruption_backoff_s(n, cap) for n in range(1, cap + 1)) == MAX_BACKOFF_S
