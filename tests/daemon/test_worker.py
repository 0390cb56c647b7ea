"""The worker brings each job to the right final state and never stops by itself.

The attempts have known outcomes; ``test_attempt.py`` tests that a real attempt has these outcomes.
"""

from __future__ import annotations

import gc
import os
import threading
from itertools import count
from pathlib import Path
from typing import Any

import psutil
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
from appliance.governor.rules import RESUME_MARGIN_MB, RETRY_AFTER_S
from appliance.jobs.backoff import INITIAL_BACKOFF_S
from appliance.jobs.models import NewJob
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.worker_store import WorkerStore
from tests.daemon.world import Attempts, Clock, Outcome, drop, make_worker, succeed, tree


class TestOutcomes:
    def test_successful_job_leaves_only_its_result(
        self, store: WorkerStore, config: Config
    ) -> None:
        worker = make_worker(store, config, succeed)
        job = drop(store, config)
        assert worker.run_next() and not worker.run_next()
        assert store.get(job.id).state is JobState.DONE
        assert tree(config.root / "outbox") == ["lesson.mp4", "lesson.report.json"]
        assert tree(config.root / "inbox") == ["done/lesson.mp4", "done/lesson.wav"]
        assert os.listdir(config.root / "state" / "work") == []

    def test_bad_input_fails_the_job_without_retry(
        self, store: WorkerStore, config: Config
    ) -> None:
        worker = make_worker(store, config, BadInput("no_face", name="bad.mp4"), succeed)
        bad, good = drop(store, config, "bad"), drop(store, config, "good")
        assert worker.run_next() and worker.run_next()
        assert store.get(bad.id).state is JobState.FAILED
        assert store.get(good.id).state is JobState.DONE
        assert "failed/bad.reason.txt" in tree(config.root / "inbox")

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("encoder_failed", name="x", reason="y"),
            BadInput("file_unreadable", name="x", reason="stale handle"),
            RuntimeError("a bug"),
        ],
    )
    def test_fault_is_retried_up_to_the_maximum(
        self, store: WorkerStore, config: Config, clock: Clock, fault: Exception
    ) -> None:
        worker = make_worker(store, config, fault)
        job = drop(store, config)
        attempts = 0
        for _ in range(6):
            attempts += worker.run_next()
            assert not worker.run_next()  # not before its waiting time is over
            clock.time += INITIAL_BACKOFF_S * 10
        assert attempts == 3
        ended = store.get(job.id)
        assert ended.state is JobState.FAILED and ended.reason is not None
        assert ended.reason.code == getattr(fault, "code", "processing_failed")
        assert os.listdir(config.root / "state" / "work") == []

    def test_truncated_file_is_retried_while_it_may_be_incomplete(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        cut = BadInput("file_truncated", name="lesson.wav")
        worker = make_worker(store, config, cut, cut, now=clock, monotonic=clock)
        job = drop(store, config)
        assert job.lecture is not None
        dropped = job.lecture.stat().st_ctime
        clock.time = dropped + config.inbox.incomplete_timeout_s - 5
        assert worker.run_next()
        assert store.get(job.id).state is JobState.QUEUED
        clock.time += INITIAL_BACKOFF_S + 1
        assert worker.run_next()
        assert store.get(job.id).state is JobState.FAILED

    @pytest.mark.parametrize("code", ["file_missing", "file_unreadable"])
    def test_unavailable_share_is_retried_without_limit(
        self, store: WorkerStore, config: Config, clock: Clock, code: str
    ) -> None:
        outcomes: list[Outcome] = [
            *[BadInput(code, name="lesson.wav", reason="Host is down")] * 8,
            succeed,
        ]
        worker = make_worker(store, config, *outcomes, now=clock, monotonic=clock)
        job = drop(store, config)
        mount_record = config.root / "state" / "inbox.json"
        # The share that held the files:
        mount_record.write_text('{"mount": ["/", "cifs", "//school/share"]}')
        for _ in range(8):
            assert worker.run_next() and not worker.run_next()
            assert store.get(job.id).state is JobState.QUEUED
            clock.time += 121
        mount_record.unlink()
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE

    def test_unavailable_inbox_does_not_block_other_jobs(
        self, store: WorkerStore, config: Config
    ) -> None:
        (config.root / "inbox").symlink_to("inbox")  # every access is an error
        worker = make_worker(store, config, succeed)
        upload = config.root / "upload.wav"
        upload.write_bytes(b"lesson")
        job = store.add(NewJob("lesson", upload, upload))
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE and store.unarchived() == []

    def test_job_is_retried_if_its_source_changes(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        def change_source(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            report = succeed(request, on_progress)
            request.lecture.write_bytes(b"the whole lecture")
            return report

        worker = make_worker(store, config, change_source, succeed)
        job = drop(store, config)
        assert worker.run_next()
        reason = store.get(job.id).reason
        assert reason is not None and reason.code == "source_changed"
        assert tree(config.root / "outbox") == []
        clock.time += INITIAL_BACKOFF_S + 1
        assert worker.run_next()
        video = config.root / "outbox" / "lesson.mp4"
        assert video.read_bytes() == b"video of the whole lecture"

    def test_full_disk_is_retried_without_limit(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        free = [10.0]
        outcomes: list[Outcome] = [*[Fault("disk_full", name="x.mp4")] * 8, succeed]
        worker = make_worker(
            store, config, *outcomes, find_free_mb=lambda path: free[0], now=clock, monotonic=clock
        )
        job = drop(store, config)
        for _ in range(9):
            assert worker.run_next()
            clock.time += INITIAL_BACKOFF_S * 10
            if store.get(job.id).state is not JobState.DONE:
                assert not worker.run_next()  # it would be full again at once
                assert [hold.code for hold in store.holds()] == ["low_disk_space"]
            free[0] += RESUME_MARGIN_MB
        assert store.get(job.id).state is JobState.DONE and store.holds() == []

    def test_full_disk_is_retried_after_a_while_in_any_case(
        self, store: WorkerStore, config: Config, clock: Clock
    ) -> None:
        worker = make_worker(
            store,
            config,
            Fault("disk_full", name="x"),
            succeed,
            find_free_mb=lambda p: 9.0,
            now=clock,
            monotonic=clock,
        )
        drop(store, config)
        assert worker.run_next() and not worker.run_next()
        clock.time += RETRY_AFTER_S
        assert worker.run_next() and store.holds() == []

    def test_invalid_option_fails_only_its_job(self, store: WorkerStore, config: Config) -> None:
        worker = make_worker(store, config, succeed)
        wrong = NewJob("x", Path("p"), Path("l"), {"video": {"crf": "high"}})
        job = store.add(wrong).id
        assert worker.run_next()
        reason = store.get(job).reason
        assert reason is not None and reason.code == "job_options_invalid"

    def test_options_are_applied_to_the_attempt(self, store: WorkerStore, config: Config) -> None:
        attempts = Attempts(BadInput("cancelled"))
        worker = Worker(store, config, threading.Event(), WorkerHooks(attempts))
        presenter, lecture = config.root / "p", config.root / "l"
        for path in (presenter, lecture):
            path.write_bytes(b"x")
        store.add(NewJob("x", presenter, lecture, {"face": {"index": 2}}))
        worker.run_next()
        assert attempts.requests[0].config.face.index == 2
        assert attempts.requests[0].config.video == config.video

    def test_finished_video_is_reused_after_a_kill(
        self, store: WorkerStore, config: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = make_worker(store, config, succeed, RuntimeError("rendered twice"))
        job = drop(store, config)

        def power_cut(number: int) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(store, "finish", power_cut)
            worker.run_next()
        worker.recover()
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE
        assert tree(config.root / "outbox") == ["lesson.mp4", "lesson.report.json"]

    def test_write_error_of_the_queue_is_retried(
        self, store: WorkerStore, config: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop = threading.Event()
        real, left = store.requeue, [1]

        def full(*arguments: Any, **more: Any) -> JobState:
            if left:
                left.pop()
                raise Fault("disk_full", name="lectern.sqlite3")
            return real(*arguments, **more)

        def last(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            stop.set()
            return succeed(request, on_progress)

        monkeypatch.setattr(store, "requeue", full)
        attempts = Attempts(Fault("disk_full", name="x"), last)
        job = drop(store, config)
        free_mb = count(1000, 100)
        worker = Worker(
            store, config, stop, WorkerHooks(attempts, find_free_mb=lambda path: next(free_mb))
        )
        worker.run(0)
        assert store.get(job.id).state is JobState.DONE

    def test_deleted_folder_is_created_again(self, store: WorkerStore, config: Config) -> None:
        worker = make_worker(store, config, succeed)
        job = drop(store, config)
        (config.root / "outbox").rmdir()
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE


class TestRequests:
    @pytest.mark.parametrize(
        ("user_request", "state", "kept"),
        [("pause", JobState.PAUSED, True), ("cancel", JobState.CANCELLED, False)],
    )
    def test_request_is_applied_after_the_chunk(
        self, store: WorkerStore, config: Config, user_request: str, state: JobState, kept: bool
    ) -> None:
        job = drop(store, config)

        def send_request(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            assert not on_progress(ProgressUpdate("render", 0, 75))
            getattr(store, user_request)(job.id)
            assert on_progress(ProgressUpdate("render", 25, 75, saved=True))
            raise StopRequested

        worker = make_worker(store, config, send_request, succeed)
        assert worker.run_next()
        found = store.get(job.id)
        assert (found.state, found.done, found.total) == (state, 25, 75)
        assert (config.root / "state" / "work" / f"{job.id:06d}").exists() is kept
        assert not worker.run_next()

    def test_withdrawn_pause_is_ignored(self, store: WorkerStore, config: Config) -> None:
        job = drop(store, config)

        def send_request(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            store.pause(job.id)
            assert on_progress(ProgressUpdate("render", 25, 75, saved=True))
            store.resume(job.id)  # while the attempt is stopping
            raise StopRequested

        worker = make_worker(store, config, send_request, succeed)
        assert worker.run_next()
        assert store.get(job.id).state is JobState.QUEUED
        assert worker.run_next()
        assert store.get(job.id).state is JobState.DONE

    def test_shutdown_requeues_the_job_without_counting(
        self, store: WorkerStore, config: Config
    ) -> None:
        stop = threading.Event()

        def interrupted(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
            stop.set()
            assert on_progress(None)
            raise StopRequested

        job = drop(store, config)
        Worker(store, config, stop, WorkerHooks(Attempts(interrupted))).run(0)
        found = store.get(job.id)
        assert (found.state, found.attempts_without_progress) == (JobState.QUEUED, 0)


class TestLeaks:
    def test_many_jobs_leak_no_descriptors_and_no_memory(
        self, store: WorkerStore, config: Config
    ) -> None:
        """Real renderings are tested in ``tests/soak/test_many.py``."""
        worker = make_worker(store, config, succeed, BadInput("no_face", name="x"), succeed)
        process = psutil.Process()
        jobs = [drop(store, config, f"lesson {number}") for number in range(60)]
        for _ in jobs[:20]:
            assert worker.run_next()
        gc.collect()
        before = process.memory_info().rss, process.num_fds()
        for _ in jobs[20:]:
            assert worker.run_next()
        gc.collect()
        assert not worker.run_next() and len(store.jobs(FINAL_STATES)) == 60
        assert process.num_fds() == before[1]
        assert process.memory_info().rss < 1.05 * before[0]


def test_folder_of_an_ended_job_is_deleted_at_the_next_start(
    store: WorkerStore, config: Config
) -> None:
    """An error of the disk may keep it from being deleted when the job ends."""
    worker = make_worker(store, config, succeed)
    job = drop(store, config)
    worker.run_next()
    folder = config.root / "state" / "work" / f"{job.id:06d}"
    folder.mkdir()
    (folder / "lesson.mp4").write_bytes(b"left over")
    make_worker(store, config, succeed).recover()
    assert not folder.exists()
