"""Users take turns: one with many jobs or tasks does not keep the others waiting."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from appliance.jobs.models import NewJob, Reason
from appliance.jobs.states import JobState
from appliance.jobs.store import store_path
from appliance.jobs.tasks import TaskStore
from appliance.jobs.worker_store import WorkerStore


@pytest.fixture
def store(tmp_path: Path) -> WorkerStore:
    return WorkerStore(store_path(tmp_path))


def add(store: WorkerStore, owner: str, count: int = 1, priority: int = 0) -> None:
    new = NewJob(owner, Path("/p"), Path("/l"), owner=owner, priority=priority)
    store.add_all([new] * count)


def run_next(store: WorkerStore) -> str:
    job = store.claim()
    assert job is not None
    store.finish(job.id)
    return job.owner


class TestJobs:
    def test_users_take_turns_however_many_jobs_they_have(self, store: WorkerStore) -> None:
        add(store, "wang", 100)
        assert [run_next(store) for _ in range(3)] == ["wang"] * 3
        add(store, "li", 2)
        add(store, "", 3)
        order = [run_next(store) for _ in range(8)]
        assert sorted(order[:2]) == ["", "li"] and order.count("wang") == 3
        assert [run_next(store) for _ in range(3)] == ["wang"] * 3 or order.count("") == 3

    def test_new_user_waits_for_one_job_of_each_other(self, store: WorkerStore) -> None:
        for owner in ("a", "b", "c"):
            add(store, owner, 50)
        for _ in range(30):
            run_next(store)
        add(store, "new")
        assert "new" in [run_next(store) for _ in range(4)]

    def test_priority_comes_first(self, store: WorkerStore) -> None:
        add(store, "wang", 3, priority=1)
        add(store, "li", 1)
        assert [run_next(store) for _ in range(4)] == ["wang", "wang", "wang", "li"]

    def test_shown_order_is_the_order_of_the_next_jobs(self, store: WorkerStore) -> None:
        rng = random.Random(1)
        for _ in range(60):
            add(store, rng.choice("abcd"), rng.randint(1, 4), rng.choice([0, 0, 0, 2]))
            if rng.random() < 0.7:
                first = store.order.jobs(1)[0]
                job = store.claim()
                assert job is not None and job.id == first.id
                store.finish(job.id)
        ids = [job.id for job in store.order.jobs()]
        assert len(ids) == store.counts()[JobState.QUEUED] == len(set(ids))
        assert [job.id for job in store.order.jobs(5)] == ids[:5]

    def test_waiting_jobs_do_not_take_their_owners_turn(self, store: WorkerStore) -> None:
        add(store, "wang", 2)
        job = store.claim()
        assert job is not None
        store.requeue(job.id, Reason("processing_failed", {"reason": "x"}))
        add(store, "li")
        assert [run_next(store), run_next(store)] == ["li", "wang"]
        assert store.claim() is None

    def test_interrupted_job_continues_before_others_unless_it_yields(
        self, store: WorkerStore
    ) -> None:
        add(store, "wang", 2)
        add(store, "li", 2)
        job = store.claim()
        assert job is not None and job.owner == "wang" and store.should_yield(job)
        store.requeue(job.id, count_attempt=False)  # for a preview
        again = store.claim()
        assert again is not None and again.id == job.id
        store.requeue(job.id, count_attempt=False, yields=True)
        other = store.claim()
        assert other is not None and other.owner == "li"

    def test_nobody_yields_to_own_waiting_or_less_urgent_jobs(self, store: WorkerStore) -> None:
        add(store, "wang", 2, priority=5)
        add(store, "li", 1, priority=5)
        rested = store.claim()
        assert rested is not None
        store.requeue(rested.id, count_attempt=False, yields=True)
        other = store.claim()
        assert other is not None and other.owner == "li"
        store.requeue(other.id, Reason("processing_failed", {"reason": "x"}))
        add(store, "li", 1, priority=4)
        job = store.claim()
        assert job is not None and job.owner == "wang" and not store.should_yield(job)


class TestTasks:
    def test_users_take_turns(self, tmp_path: Path) -> None:
        tasks = TaskStore(store_path(tmp_path))
        for _ in range(50):
            tasks.submit("preflight", {}, "wang")
        first = tasks.claim(["preflight"])
        assert first is not None
        for owner in ("li", "zhao"):
            tasks.submit("preflight", {}, owner)
            tasks.submit("preview", {}, owner)
        claimed = [tasks.claim(["preflight"]) for _ in range(4)]
        assert [task and task.owner for task in claimed] == ["li", "zhao", "wang", "wang"]
        assert tasks.count_unfinished(["preflight"], "wang") == 50
        assert tasks.count_unfinished(["preview", "preflight"], "li") == 2
