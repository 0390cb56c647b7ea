"""The queue, as one process and as several at once see it."""

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
    """A time that passes when told to."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> WorkerStore:
    return WorkerStore(store_path(tmp_path), max_attempts_without_progress=3, now=clock)


def lesson(stem: str = "lesson", *, priority: int = 0, claims: tuple[Path, ...] = ()) -> NewJob:
    return NewJob(stem, Path("wang.mp4"), Path("a.wav"), priority=priority, claims=claims)


def brought_to(store: WorkerStore, state: JobState) -> int:
    """A new job in ``state``."""
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


class TestRecord:
    def test_what_is_added_is_what_is_read(self, store: WorkerStore, clock: Clock) -> None:
        name = os.fsdecode("课程 🎓\n".encode() + b"\xff")  # a name need not be valid text
        new = NewJob(name, Path("p") / name, Path("l") / name, {"lips": {"precision": "fp16"}}, 7)
        job = store.get(store.add(new).id)
        assert (job.stem, job.presenter, job.lecture) == (name, Path("p") / name, Path("l") / name)
        assert (job.options, job.priority) == ({"lips": {"precision": "fp16"}}, 7)
        assert (job.state, job.created, job.output) == (JobState.QUEUED, clock.time, None)

    def test_its_json_takes_any_name(self, store: WorkerStore) -> None:
        name = os.fsdecode(b"\xff")
        job = store.add(NewJob(name, Path(name), None, waiting_reason=BUSY))
        assert job.to_dict()["presenter"].encode() == "�".encode()
        assert job.to_dict()["reason"]["en"].startswith("The disk is full, so a.mp4")

    def test_numbers_rise_and_never_come_back(self, store: WorkerStore) -> None:
        first = brought_to(store, JobState.DONE)
        store.remove(first)
        assert store.add(lesson()).id > first


class TestStates:
    @pytest.mark.parametrize("state", JobState)
    @pytest.mark.parametrize("wish", ["cancel", "pause", "resume", "retry", "finish", "requeue"])
    def test_only_legal_changes_happen(
        self, store: WorkerStore, state: JobState, wish: str
    ) -> None:
        job = brought_to(store, state)
        aim = {
            "cancel": JobState.CANCELLED, "pause": JobState.PAUSED, "resume": JobState.QUEUED,
            "retry": JobState.QUEUED, "finish": JobState.DONE, "requeue": JobState.QUEUED,
        }[wish]  # fmt: skip
        sources = {
            "resume": {JobState.PAUSED},
            "retry": {JobState.FAILED, JobState.CANCELLED},
            "requeue": {JobState.RUNNING},
        }.get(wish, {before for before in JobState if aim in TRANSITIONS[before]})
        if state in sources:
            getattr(store, wish)(job)
            asked = state is JobState.RUNNING and wish in ("cancel", "pause")
            assert store.get(job).state is (JobState.RUNNING if asked else aim)
        else:
            with pytest.raises(BadInput) as refusal:
                getattr(store, wish)(job)
            assert refusal.value.code == "job_wrong_state"
            assert store.get(job).state is state

    def test_half_a_job_cannot_be_tried_again(self, store: WorkerStore) -> None:
        job = brought_to(store, JobState.WAITING)
        store.cancel(job)
        with pytest.raises(BadInput):
            store.retry(job)
        assert store.get(job).state is JobState.CANCELLED

    def test_an_unknown_number_is_said_so(self, store: WorkerStore) -> None:
        for act in (store.get, store.cancel, store.retry, store.remove):
            with pytest.raises(BadInput) as refusal:
                act(99)
            assert refusal.value.code == "job_unknown"

    def test_a_running_job_is_asked_and_its_worker_told(self, store: WorkerStore) -> None:
        job = brought_to(store, JobState.RUNNING)
        assert store.update_progress(job, "render", 1, 10) is None
        store.pause(job)
        assert store.update_progress(job, "render", 2, 10) is JobRequest.PAUSE
        store.resume(job)
        assert store.update_progress(job, "render", 3, 10) is None
        store.cancel(job)
        store.pause(job)  # who cancelled means it
        assert store.update_progress(job, "render", 4, 10) is JobRequest.CANCEL
        store.apply_request(job, JobRequest.CANCEL)
        ended = store.get(job)
        assert ended.state is JobState.CANCELLED and ended.reason == Reason("cancelled")
        assert (ended.stage, ended.done, ended.total) == ("render", 4, 10)

    def test_every_change_is_an_event_and_old_events_go(
        self, store: WorkerStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = brought_to(store, JobState.FAILED)
        events = store.events()
        assert [(e.job, e.kind) for e in events] == [
            (job, "queued"), (job, "running"), (job, "failed"),
        ]  # fmt: skip
        assert events[-1].reason == BUSY
        assert store.events(after=events[1].id) == events[2:]
        monkeypatch.setattr(transitions, "MAX_EVENTS", 2)
        store.retry(job)
        assert [e.kind for e in store.events()] == ["failed", "queued"]


class TestTurn:
    def test_priority_first_then_age(self, store: WorkerStore) -> None:
        ids = [store.add(lesson(priority=p)).id for p in (0, 5, 0, 5)]
        store.set_priority(ids[2], 9)
        turn = []
        while (job := store.claim()) is not None:
            turn.append(job.id)
            assert job.state is JobState.RUNNING and job.attempts == 1
        assert turn == [ids[2], ids[1], ids[3], ids[0]]

    def test_a_fault_makes_it_rest_longer_each_time_and_fail_at_the_cap(
        self, store: WorkerStore, clock: Clock
    ) -> None:
        job = store.add(lesson()).id
        for rest in (INITIAL_BACKOFF_S, 2 * INITIAL_BACKOFF_S):
            assert store.claim() is not None
            assert store.requeue(job, BUSY) is JobState.QUEUED
            clock.time += rest - 1
            assert store.claim() is None
            clock.time += 2
        assert store.claim() is not None
        assert store.requeue(job, BUSY) is JobState.FAILED
        assert store.get(job).reason == BUSY
        store.retry(job)
        assert store.claim() is not None  # at once, and with all attempts anew
        assert store.get(job).attempts_without_progress == 1

    def test_progress_wipes_the_count_and_what_is_excused_does_not_count(
        self, store: WorkerStore, clock: Clock
    ) -> None:
        job = store.add(lesson()).id
        for round_ in range(10):
            assert store.claim() is not None
            if round_ % 2:
                store.update_progress(job, "render", 1, 2, made_progress=True)
                assert store.requeue(job, BUSY) is JobState.QUEUED
            else:
                assert store.requeue(job, BUSY, counts=False) is JobState.QUEUED
            clock.time += MAX_BACKOFF_S
        assert store.get(job).attempts == 10

    def test_a_clock_put_back_by_years_does_not_hold_a_job_up(
        self, store: WorkerStore, clock: Clock
    ) -> None:
        job = store.add(lesson()).id
        store.claim()
        store.requeue(job, BUSY)
        clock.time -= 1e8
        assert store.claim() is not None

    def test_after_a_power_cut_it_runs_again(self, store: WorkerStore) -> None:
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

    def test_after_a_power_cut_what_was_asked_is_done(self, store: WorkerStore) -> None:
        job = brought_to(store, JobState.RUNNING)
        store.pause(job)
        assert [j.state for j in store.recover()] == [JobState.PAUSED]

    def test_a_waiting_job_is_queued_when_its_part_comes(self, store: WorkerStore) -> None:
        job = brought_to(store, JobState.WAITING)
        assert store.claim() is None
        ready = store.complete(job, Path("wang.mp4"), Path("a.wav"), [Path("a.wav")])
        assert (ready.state, ready.lecture) == (JobState.QUEUED, Path("a.wav"))
        assert store.files.source_paths() == {Path("a.wav")}

    def test_holds_are_listed_once_while_they_last(self, store: WorkerStore, clock: Clock) -> None:
        store.add_hold(BUSY)
        clock.time += 1
        store.add_hold(Reason("disk_full", {"name": "b.mp4"}))
        assert store.holds() == [BUSY]
        store.remove_hold("disk_full")
        assert store.holds() == []
        assert [e.kind for e in store.events()] == ["hold", "release"]


class TestFiles:
    def test_a_file_belongs_to_one_job(self, store: WorkerStore) -> None:
        path = Path("inbox/a.wav")
        store.add(lesson(claims=(path,)))
        with pytest.raises(BadInput) as refusal:
            store.add(lesson(claims=(Path("inbox/b.wav"), path)))
        assert refusal.value.code == "file_in_use"
        assert len(store.jobs()) == 1
        assert store.files.source_paths() == {path}

    def test_a_moved_source_is_where_a_retry_looks(self, store: WorkerStore) -> None:
        source, target = Path("a.wav"), Path("failed/a.wav")
        job = store.add(lesson(claims=(source,))).id
        store.files.begin_move(source, target)
        assert store.files.for_job(job)[0].target == target
        store.files.finish_move(source, target)
        assert store.get(job).lecture == target
        assert store.files.source_paths() == set()
        assert store.add(lesson(claims=(source,))).id > job  # the name is free again

    def test_ended_jobs_are_unsettled_until_settled(self, store: WorkerStore) -> None:
        ended = [brought_to(store, state) for state in sorted(FINAL_STATES)]
        brought_to(store, JobState.QUEUED)
        assert [job.id for job in store.unarchived()] == ended
        store.mark_archived(ended[0])
        assert [job.id for job in store.unarchived()] == ended[1:]

    def test_the_latest_of_each_owner_whoever_made_most(
        self, store: WorkerStore, clock: Clock
    ) -> None:
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
    def test_it_survives_being_closed(self, store: WorkerStore, tmp_path: Path) -> None:
        job = store.add(lesson())
        store.close()
        with WorkerStore(store_path(tmp_path)) as again:
            assert again.get(job.id) == job

    def test_one_of_a_later_version_is_left_alone(self, store: WorkerStore, tmp_path: Path) -> None:
        store.close()
        connection = sqlite3.connect(store_path(tmp_path))
        connection.execute(f"PRAGMA user_version = {SCHEMA.version + 1}")
        connection.close()
        with pytest.raises(Fault) as fault:
            WorkerStore(store_path(tmp_path))
        assert fault.value.code == "database_too_new"

    def test_one_that_is_no_database_is_a_fault_in_plain_words(self, tmp_path: Path) -> None:
        path = tmp_path / "lectern.sqlite3"
        path.write_bytes(b"not a database " * 1000)
        with pytest.raises(Fault) as fault:
            WorkerStore(path)
        assert fault.value.code == "database_damaged"

    def test_it_is_written_through_to_the_disk(self, store: WorkerStore) -> None:
        modes = {name: store._database.read(f"PRAGMA {name}")[0][0] for name in MODES}
        assert modes == MODES


MODES = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
