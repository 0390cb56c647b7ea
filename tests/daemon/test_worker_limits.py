"""When the worker rests, what it does with less, and what it sweeps."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from appliance.attempt.protocol import (
    ProgressCallback,
    ProgressUpdate,
    RenderRequest,
    StopRequested,
)
from appliance.config import Config
from appliance.daemon.hooks import WorkerHooks
from appliance.daemon.worker import Worker
from appliance.errors import BadInput, Fault
from appliance.jobs.backoff import INITIAL_BACKOFF_S, MAX_BACKOFF_S
from appliance.jobs.models import Job
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore
from tests.daemon.world import Attempts, Clock, Previews, drop, make_worker, succeed, tree
from tests.governor.readings import warm_box


class TestRest:
    def test_the_job_in_hand_is_put_down_at_heat_and_taken_up_when_it_is_cool(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        temperature = [60.0]

        def warm(order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
            assert not watch(ProgressUpdate("render", 0, 75))
            temperature[0] = 98.0
            assert watch(ProgressUpdate("render", 25, 75, saved=True))
            raise StopRequested

        worker = make_worker(
            store,
            config,
            warm,
            succeed,
            now=clock,
            read_telemetry=lambda: warm_box(clock(), temperature[0]),
        )
        job = drop(store, config)
        assert worker.run_next()
        assert (
            store.get(job.id).state is JobState.QUEUED
            and store.get(job.id).attempts_without_progress == 0
        )
        assert [hold.code for hold in store.holds()] == ["too_hot"]
        temperature[0] = 90.0  # under the mark at which it began to rest, which is not enough
        assert not worker.run_next()
        temperature[0] = 70.0
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE and store.holds() == []

    def test_a_preview_goes_first_and_the_job_goes_on_after_it(
        self, store: WorkerStore, config: Config
    ) -> None:
        previews = Previews()

        def interrupted(order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
            assert not watch(ProgressUpdate("render", 0, 75))
            previews.asked = 1
            assert watch(ProgressUpdate("render", 25, 75, saved=True))
            raise StopRequested

        worker = make_worker(store, config, interrupted, succeed, previews=previews)
        job = drop(store, config)
        assert worker.run_next()
        assert (store.get(job.id).state, previews.made) == (JobState.QUEUED, 0)
        assert [hold.code for hold in store.holds()] == ["preview_pending"]
        assert worker.run_next()
        assert (store.get(job.id).state, previews.made) == (JobState.QUEUED, 1)
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE and store.holds() == []


class TestMemory:
    def test_each_time_that_it_runs_out_the_next_attempt_does_with_less(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        attempts = Attempts(
            Fault("processing_crashed", reason="signal SIGKILL"), Fault("out_of_memory"), succeed
        )
        worker = Worker(store, config, threading.Event(), WorkerHooks(attempts))
        job = drop(store, config)
        for _ in range(3):
            assert worker.run_next()
            clock.time += MAX_BACKOFF_S
        assert store.get(job.id).state is JobState.DONE
        first, second, third = (order.config for order in attempts.orders)
        assert first == config
        assert second.render.batch_size == 1 and second.lips == first.lips
        assert third.render.batch_size == 1 and third.lips.providers == ["cpu"]
        assert third.render.chunk_s == first.render.chunk_s

    @pytest.mark.parametrize(("memory_mb", "state"), [(0, JobState.QUEUED), (9, JobState.FAILED)])
    def test_what_does_not_fit_the_free_memory_may_fit_later(
        self, store: WorkerStore, config: Config, memory_mb: int, state: JobState
    ) -> None:
        small = config.render.model_copy(update={"memory_limit_mb": memory_mb})
        error = BadInput("memory_too_small", need=1, budget=1, width=1, height=1)
        worker = make_worker(store, config.model_copy(update={"render": small}), error)
        job = drop(store, config)
        assert worker.run_next()
        assert store.get(job.id).state is state


class TestRoom:
    def test_without_room_nothing_is_started_until_there_is(
        self, store: WorkerStore, config: Config
    ) -> None:
        free = [100.0]
        jobs = config.jobs.model_copy(update={"min_free_disk_mb": 200})
        tight = config.model_copy(update={"jobs": jobs})
        worker = make_worker(store, tight, succeed, find_free_mb=lambda path: free[0])
        job = drop(store, config)
        assert not worker.run_next() and not worker.run_next()
        (hold,) = store.holds()
        assert "100 MB" in hold.text() and "200 MB" in hold.text()
        free[0] = 300.0
        assert worker.run_next()
        assert store.holds() == [] and store.get(job.id).state is JobState.DONE

    def test_a_job_too_large_for_the_disk_waits_and_holds_nobody_up(
        self, store: WorkerStore, config: Config
    ) -> None:
        free, sizes = [500.0], {"large": 600.0, "small": 50.0}
        worker = make_worker(
            store, config, succeed,
            find_free_mb=lambda path: free[0], estimate=lambda job: sizes[job.stem],
        )  # fmt: skip
        large, small = drop(store, config, "large"), drop(store, config, "small")
        assert worker.run_next() and not worker.run_next()
        assert store.get(small.id).state is JobState.DONE
        waiting = store.get(large.id)
        assert waiting.state is JobState.QUEUED and waiting.reason is not None
        assert waiting.reason.code == "job_needs_disk_space" and "600 MB" in waiting.reason.text()
        assert waiting.attempts == 0
        free[0] = 700.0
        assert worker.run_next()
        assert store.get(large.id).state is JobState.DONE

    def test_an_estimate_that_the_end_broke_off_is_made_again(
        self, store: WorkerStore, config: Config
    ) -> None:
        stop = threading.Event()

        def broken_off(job: Job) -> float:
            stop.set()
            raise Fault("task_interrupted")

        worker = Worker(
            store, config, stop,
            WorkerHooks(
                Attempts(succeed), find_free_mb=lambda path: 500.0, estimate=broken_off
            ),
        )  # fmt: skip
        job = drop(store, config)
        assert not worker.run_next()
        found = store.get(job.id)
        assert (found.state, found.expected_disk_mb, found.attempts) == (JobState.QUEUED, None, 0)

    def test_what_lies_in_the_jobs_folder_is_not_asked_for_again(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        def half(order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
            (order.folder / "000000.mp4").write_bytes(bytes(3 << 20))
            raise Fault("encoder_failed", name="x", reason="y")

        worker = make_worker(
            store, config, half, succeed, find_free_mb=lambda path: 10.0, estimate=lambda job: 8.0
        )
        job = drop(store, config)
        assert worker.run_next()
        assert store.get(job.id).expected_disk_mb is None
        clock.time += INITIAL_BACKOFF_S
        assert worker.run_next()
        assert store.get(job.id).expected_disk_mb == pytest.approx(5, abs=0.1)

    def test_folders_of_no_job_are_removed_at_start(
        self, store: WorkerStore, config: Config
    ) -> None:
        worker = make_worker(store, config, succeed)
        (config.root / "state" / "work" / "000099").mkdir()
        job = drop(store, config)
        store.claim()
        (config.root / "state" / "work" / f"{job.id:06d}").mkdir()
        worker.recover()
        assert os.listdir(config.root / "state" / "work") == [f"{job.id:06d}"]
        assert store.get(job.id).state is JobState.QUEUED

    def test_old_work_is_swept(self, store: WorkerStore, config: Config, clock: Clock) -> None:
        keep = config.jobs.model_copy(update={"max_age_days": 1.0, "keep_undownloaded": False})
        worker = make_worker(store, config.model_copy(update={"jobs": keep}), succeed, now=clock)
        drop(store, config)
        worker.run_next()
        assert tree(config.root / "outbox") != []
        clock.time += 2 * 86_400
        worker.run_next()
        assert tree(config.root / "outbox") == tree(config.root / "inbox") == []
        assert store.jobs() == []
