"""The job queue in one process."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from appliance.jobs import transitions
from appliance.jobs.backoff import INITIAL_BACKOFF_S, MAX_BACKOFF_S
from appliance.jobs.database import SCHEMA
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.states import FINAL_STATES, TRANSITIONS, JobRequest, JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

BUSY = Reason("disk_full", {"name": "a.mp4"})


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> WorkerStore:
    return WorkerStore(
        store_path(tmp_path), max_attempts_without_progress=3, now=clock, since_boot=clock
    )


def lesson(stem: str = "lesson", *, priority: int = 0, claims: tuple[Path, ...] = ()) -> NewJob:
    return NewJob(stem, Path("wang.mp4"), Path("a.wav"), priority=priority, claims=claims)


def job_in_state(store: WorkerStore, state: JobState) -> int:
    """Add a job, bring it to ``state`` and return its ID."""
    if state is JobState.WAITING:
        return store.add(NewJob("lesson", Path("wang.mp4"), None)).id
    job = store.add(lesson()).id
    if state is JobState.QUEUED:
        return job
    claimed = store.claim()
    assert claimed is not None and claimed.id == job
    if state is JobState.PAUSED:
        store.apply_request(job, JobRequest.PAUSE)
    elif state is JobState.DONE:
        store.finish(job)
    elif state is JobState.FAILED:
        store.fail(job, BUSY)
    elif state is JobState.CANCELLED:
        store.apply_request(job, JobRequest.CANCEL)
    return job


class TestAdd:
    def test_added_job_is_read_back(self, store: WorkerStore, clock: Clock) -> None:
        name = os.fsdecode("课程 🎓\n".encode() + b"\xff")  # a name need not be valid text
        new = NewJob(name, Path("p") / name, Path("l") / name, {"lips": {"precision": "fp16"}}, 7)
        job = store.get(store.add(new).id)
        assert (job.stem, job.presenter, job.lecture) == (name, Path("p") / name, Path("l") / name)
        assert (job.options, job.priority) == ({"lips": {"precision": "fp16"}}, 7)
        assert (job.state, job.created, job.output) == (JobState.QUEUED, clock.time, None)

    def test_json_accepts_any_name(self, store: WorkerStore) -> None:
        name = os.fsdecode(b"\xff")
        job = store.add(NewJob(name, Path(name), None, waiting_reason=BUSY))
        assert job.to_dict()["presenter"].encode() == "�".encode()
        assert job.to_dict()["reason"]["en"].startswith("The disk is full, so a.mp4")

    def test_ids_increase_and_are_never_reused(self, store: WorkerStore) -> None:
        first = job_in_state(store, JobState.DONE)
        store.remove_all([first])
        assert store.add(lesson()).id > first


class TestStates:
    @pytest.mark.parametrize("state", JobState)
    @pytest.mark.parametrize("action", ["cancel", "pause", "resume", "retry", "finish", "requeue"])
    def test_only_allowed_transitions_happen(
        self, store: WorkerStore, state: JobState, action: str
    ) -> None:
        job = job_in_state(store, state)
        target = {
            "cancel": JobState.CANCELLED, "pause": JobState.PAUSED, "resume": JobState.QUEUED,
            "retry": JobState.QUEUED, "finish": JobState.DONE, "requeue": JobState.QUEUED,
        }[action]  # fmt: skip
        sources = {
            "resume": {JobState.PAUSED},
            "retry": {JobState.FAILED, JobState.CANCELLED},
            "requeue": {JobState.RUNNING},
        }.get(action, {before for before in JobState if target in TRANSITIONS[before]})
        if state in sources:
            getattr(store, action)(job)
            is_requested = state is JobState.RUNNING and action in ("cancel", "pause")
            assert store.get(job).state is (JobState.RUNNING if is_requested else target)
        else:
            with pytest.raises(BadInput) as rejection:
                getattr(store, action)(job)
            assert rejection.value.code == "job_wrong_state"
            assert store.get(job).state is state

    def test_incomplete_job_cannot_be_retried(self, store: WorkerStore) -> None:
        job = job_in_state(store, JobState.WAITING)
        store.cancel(job)
        with pytest.raises(BadInput):
            store.retry(job)
        assert store.get(job).state is JobState.CANCELLED

    def test_unknown_id_is_rejected(self, store: WorkerStore) -> None:
        for act in (store.get, store.cancel, store.retry, lambda job: store.remove_all([job])):
            with pytest.raises(BadInput) as rejection:
                act(99)
            assert rejection.value.code == "job_unknown"

    def test_requests_reach_the_worker_with_its_next_update(self, store: WorkerStore) -> None:
        job = job_in_state(store, JobState.RUNNING)
        assert store.update_progress(job, "render", 1, 10) is None
        store.pause(job)
        assert store.update_progress(job, "render", 2, 10) is JobRequest.PAUSE
        store.resume(job)
        assert store.update_progress(job, "render", 3, 10) is None
        store.cancel(job)
        store.pause(job)  # a cancellation cannot be withdrawn
        assert store.update_progress(job, "render", 4, 10) is JobRequest.CANCEL
        store.apply_request(job, JobRequest.CANCEL)
        ended = store.get(job)
        assert ended.state is JobState.CANCELLED and ended.reason == Reason("cancelled")
        assert (ended.stage, ended.done, ended.total) == ("render", 4, 10)

    def test_each_transition_adds_an_event_and_old_ones_are_deleted(
        self, store: WorkerStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = job_in_state(store, JobState.FAILED)
        events = store.events()
        assert [(e.job, e.kind) for e in events] == [
            (job, "queued"), (job, "running"), (job, "failed"),
        ]  # fmt: skip
        assert events[-1].reason == BUSY
        assert store.events(after=events[1].id) == events[2:]
        monkeypatch.setattr(transitions, "MAX_EVENTS", 2)
        store.retry(job)
        assert [e.kind for e in store.events()] == ["failed", "queued"]


class TestClaim:
    def test_order_is_by_priority_then_age(self, store: WorkerStore) -> None:
        ids = [store.add(lesson(priority=p)).id for p in (0, 5, 0, 5)]
        store.set_priority(ids[2], 9)
        claimed_ids = []
        while (job := store.claim()) is not None:
            claimed_ids.append(job.id)
            assert job.state is JobState.RUNNING and job.attempts == 1
        assert claimed_ids == [ids[2], ids[1], ids[3], ids[0]]

    def test_wait_grows_with_each_fault_up_to_the_maximum(
        self, store: WorkerStore, clock: Clock
    ) -> None:
        job = store.add(lesson()).id
        for wait_s in (INITIAL_BACKOFF_S, 2 * INITIAL_BACKOFF_S):
            assert store.claim() is not None
            assert store.requeue(job, BUSY) is JobState.QUEUED
            clock.time += wait_s - 1
            assert store.claim() is None
            clock.time += 2
        assert store.claim() is not None
        assert store.requeue(job, BUSY) is JobState.FAILED
        assert store.get(job).reason == BUSY
        store.retry(job)
        assert store.claim() is not None  # at once, and with reset counters
        assert store.get(job).attempts_without_progress == 1

    def test_progress_resets_the_count_and_external_faults_do_not_count(
        self, store: WorkerStore, clock: Clock
    ) -> None:
        job = store.add(lesson()).id
        for round_ in range(10):
            assert store.claim() is not None
            if round_ % 2:
                store.update_progress(job, "render", 1, 2, made_progress=True)
                assert store.requeue(job, BUSY) is JobState.QUEUED
            else:
                assert store.requeue(job, BUSY, count_attempt=False) is JobState.QUEUED
            clock.time += MAX_BACKOFF_S
        assert store.get(job).attempts == 10

    def test_clock_set_back_does_not_block_a_job(self, store: WorkerStore, clock: Clock) -> None:
        job = store.add(lesson()).id
        store.claim()
        store.requeue(job, BUSY)
        clock.time -= 1e8
        assert store.claim() is not None

    def test_job_is_requeued_after_a_power_cut(self, store: WorkerStore) -> None:
        job = store.add(lesson()).id
        assert store.claim() is not None
        assert [j.state for j in store.recover()] == [JobState.QUEUED]
        claimed = store.claim()
        assert claimed is not None and (claimed.attempts, claimed.attempts_without_progress) == (
            2,
            1,
        )
        store.update_progress(job, "render", 1, 9, made_progress=True)
        (found,) = store.recover()
        assert (found.state, found.reason, found.not_before) == (JobState.QUEUED, None, 0)

    def test_pending_request_is_applied_after_a_power_cut(self, store: WorkerStore) -> None:
        job = job_in_state(store, JobState.RUNNING)
        store.pause(job)
        assert [j.state for j in store.recover()] == [JobState.PAUSED]

    def test_waiting_job_is_queued_when_completed(self, store: WorkerStore) -> None:
        job = job_in_state(store, JobState.WAITING)
        assert store.claim() is None
        ready = store.complete(job, Path("wang.mp4"), Path("a.wav"), [Path("a.wav")])
        assert (ready.state, ready.lecture) == (JobState.QUEUED, Path("a.wav"))
        assert store.files.source_paths() == {Path("a.wav")}

    def test_hold_is_listed_once_until_removed(self, store: WorkerStore, clock: Clock) -> None:
        store.add_hold(BUSY)
        clock.time += 1
        store.add_hold(Reason("disk_full", {"name": "b.mp4"}))
        assert store.holds() == [BUSY]
        store.remove_hold("disk_full")
        assert store.holds() == []
        assert [e.kind for e in store.events()] == ["hold", "release"]


class TestFiles:
    def test_file_belongs_to_one_job_only(self, store: WorkerStore) -> None:
        path = Path("inbox/a.wav")
        store.add(lesson(claims=(path,)))
        with pytest.raises(BadInput) as rejection:
            store.add(lesson(claims=(Path("inbox/b.wav"), path)))
        assert rejection.value.code == "file_in_use"
        assert len(store.jobs()) == 1
        assert store.files.source_paths() == {path}

    def test_job_refers_to_its_moved_source(self, store: WorkerStore) -> None:
        source, target = Path("a.wav"), Path("failed/a.wav")
        job = store.add(lesson(claims=(source,))).id
        store.files.begin_move(source, target)
        assert store.files.for_job(job)[0].target == target
        store.files.finish_move(source, target)
        assert store.get(job).lecture == target
        assert store.files.source_paths() == set()
        assert store.add(lesson(claims=(source,))).id > job  # the name is free again

    def test_ended_jobs_are_listed_until_archived(self, store: WorkerStore) -> None:
        ended = [job_in_state(store, state) for state in sorted(FINAL_STATES)]
        job_in_state(store, JobState.QUEUED)
        assert [job.id for job in store.unarchived()] == ended
        store.mark_archived(ended[0])
        assert [job.id for job in store.unarchived()] == ended[1:]

    def test_latest_jobs_of_each_owner_are_returned(self, store: WorkerStore, clock: Clock) -> None:
        ids = [
            store.add(replace(lesson(), owner=owner)).id
            for owner in ("wang", "li", "li", "li", "wang")
        ]
        for _ in ids:
            assert store.claim()
        for job in (ids[0], ids[1], ids[3], ids[2]):
            clock.time += 1
            store.finish(job)
        store.fail(ids[4], BUSY)
        latest = [job.id for job in store.latest_per_owner(JobState.DONE, 2)]
        assert latest == [ids[2], ids[3], ids[0]]
        assert [job.id for job in store.latest_per_owner(JobState.FAILED, 2)] == [ids[4]]


class TestFile:
    def test_jobs_persist_after_closing(self, store: WorkerStore, tmp_path: Path) -> None:
        job = store.add(lesson())
        store.close()
        with WorkerStore(store_path(tmp_path)) as again:
            assert again.get(job.id) == job

    def test_file_of_a_later_version_is_rejected(self, store: WorkerStore, tmp_path: Path) -> None:
        store.close()
        connection = sqlite3.connect(store_path(tmp_path))
        connection.execute(f"PRAGMA user_version = {SCHEMA.version + 1}")
        connection.close()
        with pytest.raises(Fault) as fault:
            WorkerStore(store_path(tmp_path))
        assert fault.value.code == "database_too_new"

    def test_damaged_file_is_a_fault(self, tmp_path: Path) -> None:
        path = tmp_path / "lectern.sqlite3"
        path.write_bytes(b"not a database " * 1000)
        with pytest.raises(Fault) as fault:
            WorkerStore(path)
        assert fault.value.code == "database_damaged"

    def test_writes_are_durable(self, store: WorkerStore) -> None:
        modes = {name: store._database.read(f"PRAGMA {name}")[0][0] for name in MODES}
        assert modes == MODES


MODES = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


class TestRequestAtTheEndOfAnAttempt:
    """A user's request arrives in the moment in which the attempt dies."""

    @pytest.mark.parametrize("reason", [None, BUSY])
    def test_pause_and_cancel_are_applied_instead_of_another_attempt(
        self, store: WorkerStore, reason: Reason | None
    ) -> None:
        for request, state in (
            (store.pause, JobState.PAUSED),
            (store.cancel, JobState.CANCELLED),
        ):
            job = job_in_state(store, JobState.RUNNING)
            request(job)
            assert store.requeue(job, reason) is state
            assert store.get(job).state is state

    def test_cancel_is_applied_to_the_last_attempt(self, store: WorkerStore) -> None:
        job = job_in_state(store, JobState.RUNNING)
        store.cancel(job)
        store.fail(job, BUSY)
        assert store.get(job).state is JobState.CANCELLED
