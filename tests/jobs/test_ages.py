"""Ages of ended jobs, and waits, while the device's clock is wrong, changes or is set back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from appliance.jobs.backoff import MAX_BACKOFF_S
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.retention import DAY_S, RetentionPolicy, delete_expired
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

YEAR_S = 365.25 * DAY_S


class Box:
    """A device with a clock that may be wrong by ``error`` seconds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.true = 1_800_000_000.0
        self.error = 0.0
        self.booted = self.true - 100
        self.boots = 1
        self.store = self.open()

    def open(self) -> WorkerStore:
        """A new process of the daemon."""
        self.store = WorkerStore(
            store_path(self.root),
            now=lambda: self.true + self.error,
            since_boot=lambda: self.true - self.booted,
            boot_id=lambda: str(self.boots),
        )
        return self.store

    def pass_time(self, seconds: float) -> None:
        """Let time pass while the device works; ages are counted every hour."""
        end = self.true + seconds
        while self.true < end:
            self.true = min(self.true + 3600, end)
            self.store.ages.ages_s()

    def switch_off(self, seconds: float, error: float = 0.0) -> None:
        """Switch off, and on again with a clock that is wrong by ``error``."""
        self.store.close()
        self.true += seconds
        self.booted, self.error = self.true, error
        self.boots += 1
        self.true += 30
        self.open().ages.ages_s()

    def finish(self) -> int:
        """Add a job that has ended and was downloaded."""
        job = self.store.add(NewJob("x", Path("/p"), Path("/l"))).id
        assert self.store.claim()
        self.store.finish(job)
        self.store.mark_archived(job)
        self.store.mark_downloaded(job)
        self.store.ages.ages_s()
        return job

    def age_days(self, job: int) -> float:
        return self.store.ages.ages_s()[job] / DAY_S

    def delete(self, days: float) -> list[int]:
        return [job.id for job in delete_expired(self.store, RetentionPolicy(max_age_days=days))]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


class TestAges:
    def test_age_is_the_time_that_has_passed(self, box: Box) -> None:
        job = box.finish()
        box.pass_time(3 * DAY_S)
        box.switch_off(14 * DAY_S)
        box.pass_time(DAY_S)
        assert box.age_days(job) == pytest.approx(18, abs=0.01)

    @pytest.mark.parametrize("years", [-57, -1, 1, 10, 74, 7000])
    def test_jump_while_running_deletes_nothing_early_and_keeps_nothing(
        self, box: Box, years: int
    ) -> None:
        job = box.finish()
        box.pass_time(10 * DAY_S)
        box.error = years * YEAR_S
        assert box.delete(30) == [] and box.age_days(job) == pytest.approx(10, abs=0.01)
        wrong = box.finish()  # recorded with the wrong date
        box.pass_time(10 * DAY_S)
        box.error = 0
        assert box.delete(30) == [] and box.age_days(wrong) == pytest.approx(10, abs=0.1)
        box.pass_time(10.1 * DAY_S)
        assert box.delete(30) == [job]
        box.pass_time(10.1 * DAY_S)
        assert box.delete(30) == [wrong]

    @pytest.mark.parametrize("years", [-57, 1, 74])
    def test_boot_with_a_wrong_clock_counts_only_the_time_in_use(
        self, box: Box, years: int
    ) -> None:
        job = box.finish()
        box.pass_time(10 * DAY_S)
        box.switch_off(DAY_S, error=years * YEAR_S)
        assert box.delete(10.9) == []
        box.pass_time(DAY_S)
        assert box.age_days(job) == pytest.approx(11, abs=0.1)

    def test_clock_set_after_the_boot_adds_the_time_off(self, box: Box) -> None:
        """A device without a battery starts in 1970; then the network sets its clock."""
        job = box.finish()
        for _ in range(10):
            box.switch_off(16 * 3600, error=-box.true)
            box.pass_time(1800)
            box.error = 0
            box.pass_time(7.5 * 3600)
        assert box.age_days(job) == pytest.approx(10, abs=0.1)

    def test_wrong_clock_at_night_does_not_stop_counting_for_years(self, box: Box) -> None:
        job = box.finish()
        box.error = 10 * YEAR_S
        box.pass_time(DAY_S)
        for _ in range(5):
            box.switch_off(16 * 3600)
            box.pass_time(8 * 3600)
        assert box.age_days(job) > 4.5

    def test_unchanged_clock_after_the_update_of_an_older_version(self, box: Box) -> None:
        """Jobs that ended before the ages were counted have the ages that their dates say."""
        job = box.store.add(NewJob("x", Path("/p"), Path("/l"))).id
        box.store.claim()
        box.store.finish(job)
        box.true += 200 * DAY_S
        box.store.add(NewJob("y", Path("/p"), Path("/l")))
        assert box.age_days(job) == pytest.approx(200, abs=0.1)

    def test_retried_job_gets_a_new_age(self, box: Box) -> None:
        job = box.store.add(NewJob("x", Path("/p"), Path("/l"))).id
        box.store.cancel(job)
        box.pass_time(5 * DAY_S)
        box.store.retry(job)
        box.pass_time(3600)
        box.store.cancel(job)
        assert box.age_days(job) == pytest.approx(0, abs=0.01)

    def test_random_jumps_never_make_a_job_too_old(self, box: Box) -> None:
        rng, job, began = random.Random(3), box.finish(), box.true
        for _ in range(60):
            error = rng.choice([0.0, -box.true, rng.uniform(-80, 80) * YEAR_S])
            if rng.random() < 0.5:
                box.switch_off(rng.uniform(60, DAY_S), error)
            else:
                box.error = error
            box.pass_time(rng.uniform(0, 6 * 3600))
            assert box.store.ages.ages_s()[job] <= box.true - began + 1


class TestWaits:
    @pytest.mark.parametrize("years", [-57, -1, 0, 1, 74])
    @pytest.mark.parametrize("restarted", [False, True])
    def test_wait_lasts_as_long_as_it_should(self, box: Box, years: int, restarted: bool) -> None:
        box.store.add(NewJob("x", Path("/p"), Path("/l")))
        job = box.store.claim()
        assert job is not None
        box.store.requeue(job.id, Reason("processing_failed", {"reason": "x"}), min_wait_s=600)
        assert box.store.claim() is None
        box.error = years * YEAR_S
        if restarted:  # the new process may end the wait, but not prolong it
            box.open()
        else:
            box.true += 590
            assert box.store.claim() is None
            box.true -= 590
        box.true += 601
        assert box.store.claim() is not None

    def test_no_stored_time_keeps_a_job_waiting_for_longer_than_the_maximum(self, box: Box) -> None:
        job = box.store.add(NewJob("x", Path("/p"), Path("/l"))).id
        for not_before in (1e18, 4e9, box.true + MAX_BACKOFF_S):
            with box.store._database.write() as connection:
                connection.execute("UPDATE jobs SET not_before = ?", (not_before,))
            box.store.claim()
            box.true += MAX_BACKOFF_S + 1
            found = box.store.claim() or box.store.get(job)
            assert found.state.value == "running"
            box.store.requeue(job)
