"""Holds, degrade levels, disk space and retention."""

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
from tests.governor.readings import warm_reading


class TestHolds:
    def test_current_job_pauses_while_the_device_is_too_hot(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        temperature = [60.0]

        def overheat(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            assert not on_progress(ProgressUpdate("render", 0, 75))
            temperature[0] = 98.0
            assert on_progress(ProgressUpdate("render", 25, 75, saved=True))
            raise StopRequested

        worker = make_worker(
            store,
            config,
            overheat,
            succeed,
            now=clock,
            read_telemetry=lambda: warm_reading(clock(), temperature[0]),
        )
        job = drop(store, config)
        assert worker.run_next()
        assert (
            store.get(job.id).state is JobState.QUEUED
            and store.get(job.id).attempts_without_progress == 0
        )
        assert [hold.code for hold in store.holds()] == ["too_hot"]
        temperature[0] = 90.0  # below the pausing temperature, which is not enough
        assert not worker.run_next()
        temperature[0] = 70.0
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE and store.holds() == []

    def test_preview_interrupts_the_current_job(self, store: WorkerStore, config: Config) -> None:
        previews = Previews()

        def interrupted(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            assert not on_progress(ProgressUpdate("render", 0, 75))
            previews.requested = 1
            assert on_progress(ProgressUpdate("render", 25, 75, saved=True))
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
    def test_each_out_of_memory_raises_the_degrade_level(
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
        first, second, third = (request.config for request in attempts.requests)
        assert first == config
        assert second.render.batch_size == 1 and second.lips == first.lips
        assert third.render.batch_size == 1 and third.lips.providers == ["cpu"]
        assert third.render.chunk_s == first.render.chunk_s

    @pytest.mark.parametrize(("memory_mb", "state"), [(0, JobState.QUEUED), (9, JobState.FAILED)])
    def test_too_little_memory_is_retried_unless_configured(
        self, store: WorkerStore, config: Config, memory_mb: int, state: JobState
    ) -> None:
        small = config.render.model_copy(update={"memory_limit_mb": memory_mb})
        error = BadInput("memory_too_small", need=1, budget=1, width=1, height=1)
        worker = make_worker(store, config.model_copy(update={"render": small}), error)
        job = drop(store, config)
        assert worker.run_next()
        assert store.get(job.id).state is state


class TestDiskSpace:
    def test_no_job_starts_while_disk_space_is_low(
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

    def test_too_large_job_waits_without_blocking_others(
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

    def test_estimate_interrupted_by_shutdown_is_repeated(
        self, store: WorkerStore, config: Config
    ) -> None:
        stop = threading.Event()

        def interrupted(job: Job) -> float:
            stop.set()
            raise Fault("task_interrupted")

        worker = Worker(
            store, config, stop,
            WorkerHooks(
                Attempts(succeed), find_free_mb=lambda path: 500.0, estimate=interrupted
            ),
        )  # fmt: skip
        job = drop(store, config)
        assert not worker.run_next()
        found = store.get(job.id)
        assert (found.state, found.expected_disk_mb, found.attempts) == (JobState.QUEUED, None, 0)

    def test_estimate_excludes_existing_files_of_the_job(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        def half(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            (request.folder / "000000.mp4").write_bytes(bytes(3 << 20))
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

    def test_folders_without_a_job_are_deleted_at_start(
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

    def test_expired_jobs_are_deleted(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        keep = config.jobs.model_copy(update={"max_age_days": 1.0, "keep_undownloaded": False})
        worker = make_worker(
            store, config.model_copy(update={"jobs": keep}), succeed, now=clock, monotonic=clock
        )
        drop(store, config)
        worker.run_next()
        assert tree(config.root / "outbox") != []
        clock.time += 2 * 86_400
        worker.run_next()
        assert tree(config.root / "outbox") == tree(config.root / "inbox") == []
        assert store.jobs() == []
