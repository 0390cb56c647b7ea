"""When the worker rests, what it does with less, and what it sweeps."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from appliance.attempt.order import Order, Step, Stopped, Watch
from appliance.config import Config
from appliance.errors import BadInput, Fault
from appliance.jobs.record import Job
from appliance.jobs.rest import FIRST_S, LONGEST_S
from appliance.jobs.states import State
from appliance.jobs.store import JobStore
from appliance.worker import Worker
from tests.governor.readings import warm_box
from tests.worker.world import Attempts, Clock, Previews, drop, succeed, tree, worker_of


class TestRest:
    def test_the_job_in_hand_is_put_down_at_heat_and_taken_up_when_it_is_cool(
        self, store: JobStore, config: Config, clock: Clock
    ) -> None:
        temperature = [60.0]

        def warm(order: Order, watch: Watch) -> dict[str, Any]:
            assert not watch(Step("render", 0, 75))
            temperature[0] = 98.0
            assert watch(Step("render", 25, 75, saved=True))
            raise Stopped

        worker = worker_of(
            store, config, warm, succeed, now=clock, look=lambda: warm_box(clock(), temperature[0])
        )
        job = drop(store, config)
        assert worker.step()
        assert store.get(job.id).state is State.QUEUED and store.get(job.id).idle_attempts == 0
        assert [hold.code for hold in store.holds()] == ["too_warm"]
        temperature[0] = 90.0  # under the mark at which it began to rest, which is not enough
        assert not worker.step()
        temperature[0] = 70.0
        assert worker.step()
        assert store.get(job.id).state is State.DONE and store.holds() == []

    def test_a_preview_goes_first_and_the_job_goes_on_after_it(
        self, store: JobStore, config: Config
    ) -> None:
        previews = Previews()

        def interrupted(order: Order, watch: Watch) -> dict[str, Any]:
            assert not watch(Step("render", 0, 75))
            previews.asked = 1
            assert watch(Step("render", 25, 75, saved=True))
            raise Stopped

        worker = worker_of(store, config, interrupted, succeed, previews=previews)
        job = drop(store, config)
        assert worker.step()
        assert (store.get(job.id).state, previews.made) == (State.QUEUED, 0)
        assert [hold.code for hold in store.holds()] == ["preview_first"]
        assert worker.step()
        assert (store.get(job.id).state, previews.made) == (State.QUEUED, 1)
        assert worker.step()
        assert store.get(job.id).state is State.DONE and store.holds() == []


class TestMemory:
    def test_each_time_that_it_runs_out_the_next_attempt_does_with_less(
        self, store: JobStore, config: Config, clock: Clock
    ) -> None:
        attempts = Attempts(
            Fault("work_died", reason="signal SIGKILL"), Fault("memory_ran_out"), succeed
        )
        worker = Worker(store, config, threading.Event(), attempt=attempts)
        job = drop(store, config)
        for _ in range(3):
            assert worker.step()
            clock.time += LONGEST_S
        assert store.get(job.id).state is State.DONE
        first, second, third = (order.config for order in attempts.orders)
        assert first == config
        assert second.render.batch == 1 and second.lips == first.lips
        assert third.render.batch == 1 and third.lips.providers == ["cpu"]
        assert third.render.chunk_s == first.render.chunk_s

    @pytest.mark.parametrize(("memory_mb", "state"), [(0, State.QUEUED), (9, State.FAILED)])
    def test_what_does_not_fit_the_free_memory_may_fit_later(
        self, store: JobStore, config: Config, memory_mb: int, state: State
    ) -> None:
        small = config.render.model_copy(update={"memory_mb": memory_mb})
        error = BadInput("memory_too_small", need=1, budget=1, width=1, height=1)
        worker = worker_of(store, config.model_copy(update={"render": small}), error)
        job = drop(store, config)
        assert worker.step()
        assert store.get(job.id).state is state


class TestRoom:
    def test_without_room_nothing_is_started_until_there_is(
        self, store: JobStore, config: Config
    ) -> None:
        free = [100.0]
        jobs = config.jobs.model_copy(update={"min_free_mb": 200})
        tight = config.model_copy(update={"jobs": jobs})
        worker = worker_of(store, tight, succeed, find_free=lambda path: free[0])
        job = drop(store, config)
        assert not worker.step() and not worker.step()
        (hold,) = store.holds()
        assert "100 MB" in hold.text() and "200 MB" in hold.text()
        free[0] = 300.0
        assert worker.step()
        assert store.holds() == [] and store.get(job.id).state is State.DONE

    def test_a_job_too_large_for_the_disk_waits_and_holds_nobody_up(
        self, store: JobStore, config: Config
    ) -> None:
        free, sizes = [500.0], {"large": 600.0, "small": 50.0}
        worker = worker_of(
            store, config, succeed,
            find_free=lambda path: free[0], estimate=lambda job: sizes[job.stem],
        )  # fmt: skip
        large, small = drop(store, config, "large"), drop(store, config, "small")
        assert worker.step() and not worker.step()
        assert store.get(small.id).state is State.DONE
        waiting = store.get(large.id)
        assert waiting.state is State.QUEUED and waiting.reason is not None
        assert waiting.reason.code == "job_lacks_space" and "600 MB" in waiting.reason.text()
        assert waiting.attempts == 0
        free[0] = 700.0
        assert worker.step()
        assert store.get(large.id).state is State.DONE

    def test_an_estimate_that_the_end_broke_off_is_made_again(
        self, store: JobStore, config: Config
    ) -> None:
        stop = threading.Event()

        def broken_off(job: Job) -> float:
            stop.set()
            raise Fault("errand_interrupted")

        worker = Worker(
            store, config, stop,
            attempt=Attempts(succeed), find_free=lambda path: 500.0, estimate=broken_off,
        )  # fmt: skip
        job = drop(store, config)
        assert not worker.step()
        found = store.get(job.id)
        assert (found.state, found.expected_mb, found.attempts) == (State.QUEUED, None, 0)

    def test_what_lies_in_the_jobs_folder_is_not_asked_for_again(
        self, store: JobStore, config: Config, clock: Clock
    ) -> None:
        def half(order: Order, watch: Watch) -> dict[str, Any]:
            (order.folder / "000000.mp4").write_bytes(bytes(3 << 20))
            raise Fault("encoder_failed", name="x", reason="y")

        worker = worker_of(
            store, config, half, succeed, find_free=lambda path: 10.0, estimate=lambda job: 8.0
        )
        job = drop(store, config)
        assert worker.step()
        assert store.get(job.id).expected_mb is None
        clock.time += FIRST_S
        assert worker.step()
        assert store.get(job.id).expected_mb == pytest.approx(5, abs=0.1)

    def test_folders_of_no_job_are_removed_at_start(self, store: JobStore, config: Config) -> None:
        worker = worker_of(store, config, succeed)
        (config.root / "state" / "work" / "000099").mkdir()
        job = drop(store, config)
        store.claim()
        (config.root / "state" / "work" / f"{job.id:06d}").mkdir()
        worker.recover()
        assert os.listdir(config.root / "state" / "work") == [f"{job.id:06d}"]
        assert store.get(job.id).state is State.QUEUED

    def test_old_work_is_swept(self, store: JobStore, config: Config, clock: Clock) -> None:
        keep = config.jobs.model_copy(update={"keep_days": 1.0, "keep_unfetched": False})
        worker = worker_of(store, config.model_copy(update={"jobs": keep}), succeed, now=clock)
        drop(store, config)
        worker.step()
        assert tree(config.root / "outbox") != []
        clock.time += 2 * 86_400
        worker.step()
        assert tree(config.root / "outbox") == tree(config.root / "inbox") == []
        assert store.jobs() == []
