"""The store of tasks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import BadInput
from appliance.jobs.models import Reason
from appliance.jobs.store import store_path
from appliance.jobs.tasks import RETENTION_S, TaskStore


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tasks(tmp_path: Path, clock: Clock) -> TaskStore:
    return TaskStore(store_path(tmp_path), now=clock, since_boot=clock)


class TestTaskStore:
    def test_result_is_returned_to_the_client(self, tasks: TaskStore, tmp_path: Path) -> None:
        name = os.fsdecode("课程\n".encode() + b"\xff")  # a name need not be valid text
        number = tasks.submit("preflight", {"presenter": name}, "li")
        with TaskStore(store_path(tmp_path)) as daemon:
            claimed = daemon.claim(["preview", "preflight"])
            assert claimed is not None and claimed.id == number
            assert claimed.params == {"presenter": name} and claimed.state == "running"
            assert daemon.claim(["preflight"]) is None
            daemon.finish(number, {"face_found": True})
        task = tasks.get(number)
        assert (task.state, task.owner, task.result) == ("done", "li", {"face_found": True})

    def test_oldest_task_of_the_requested_kinds_is_claimed(self, tasks: TaskStore) -> None:
        ids = [tasks.submit(kind, {}) for kind in ("preview", "preflight", "preflight")]
        claimed = [tasks.claim(["preflight"]) for _ in range(3)]
        assert [task and task.id for task in claimed] == [ids[1], ids[2], None]
        assert tasks.has_unfinished(["preview"]) and not tasks.has_unfinished(["doctor"])

    def test_failed_task_has_a_reason(self, tasks: TaskStore) -> None:
        number = tasks.submit("preflight", {})
        tasks.claim(["preflight"])
        tasks.fail(number, Reason("no_face", {"name": "wang.mp4"}))
        task = tasks.get(number)
        assert task.state == "failed" and task.reason is not None
        assert "wang.mp4" in task.reason.text("zh")

    def test_recovery_fails_running_tasks_and_keeps_pending_ones(self, tasks: TaskStore) -> None:
        running, waiting = tasks.submit("preview", {}), tasks.submit("preview", {})
        tasks.claim(["preview"])
        tasks.recover()
        reason = tasks.get(running).reason
        assert reason is not None and reason.code == "task_interrupted"
        assert tasks.get(waiting).state == "pending"

    def test_only_finished_tasks_are_pruned(self, tasks: TaskStore, clock: Clock) -> None:
        old, waiting = tasks.submit("preview", {}), tasks.submit("doctor", {})
        tasks.claim(["preview"])
        tasks.finish(old, {})
        assert tasks.prune() == []
        clock.time += RETENTION_S + 1
        assert tasks.prune() == [old]
        assert tasks.get(waiting).state == "pending"
        with pytest.raises(BadInput) as rejection:
            tasks.get(old)
        assert rejection.value.code == "task_unknown"

    @pytest.mark.parametrize("jump", [-1e9, 1e9])
    def test_changed_clock_neither_deletes_results_nor_keeps_them(
        self, tmp_path: Path, clock: Clock, jump: float
    ) -> None:
        passed = [0.0]
        tasks = TaskStore(store_path(tmp_path), now=clock, since_boot=lambda: passed[0])
        number = tasks.submit("doctor", {})
        tasks.claim(["doctor"])
        tasks.finish(number, {})
        clock.time += jump
        assert tasks.prune() == []
        passed[0] = RETENTION_S - 1
        assert tasks.prune() == []
        passed[0] = RETENTION_S + 1
        assert tasks.prune() == [number]

    def test_only_running_tasks_can_be_finished(self, tasks: TaskStore) -> None:
        number = tasks.submit("doctor", {})
        with pytest.raises(BadInput):
            tasks.finish(number, {})
        assert tasks.get(number).state == "pending"
