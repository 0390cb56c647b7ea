"""What is asked of the daemon outside the queue is answered once, or said to be lost."""

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
def errands(tmp_path: Path, clock: Clock) -> TaskStore:
    return TaskStore(store_path(tmp_path), now=clock)


class TestErrands:
    def test_an_answer_reaches_who_asked(self, errands: TaskStore, tmp_path: Path) -> None:
        name = os.fsdecode("课程\n".encode() + b"\xff")  # a name need not be valid text
        asked = errands.submit("preflight", {"presenter": name}, "li")
        with TaskStore(store_path(tmp_path)) as daemon:
            taken = daemon.claim(["preview", "preflight"])
            assert taken is not None and taken.id == asked
            assert taken.params == {"presenter": name} and taken.state == "running"
            assert daemon.claim(["preflight"]) is None
            daemon.finish(asked, {"face_found": True})
        answer = errands.get(asked)
        assert (answer.state, answer.owner, answer.result) == ("done", "li", {"face_found": True})

    def test_the_oldest_of_the_wanted_kinds_goes_first(self, errands: TaskStore) -> None:
        ids = [errands.submit(kind, {}) for kind in ("preview", "preflight", "preflight")]
        taken = [errands.claim(["preflight"]) for _ in range(3)]
        assert [errand and errand.id for errand in taken] == [ids[1], ids[2], None]
        assert errands.has_unfinished(["preview"]) and not errands.has_unfinished(["doctor"])

    def test_one_that_failed_says_why(self, errands: TaskStore) -> None:
        asked = errands.submit("preflight", {})
        errands.claim(["preflight"])
        errands.fail(asked, Reason("no_face", {"name": "wang.mp4"}))
        answer = errands.get(asked)
        assert answer.state == "failed" and answer.reason is not None
        assert "wang.mp4" in answer.reason.text("zh")

    def test_what_a_daemon_left_is_failed_and_what_it_did_not_begin_is_kept(
        self, errands: TaskStore
    ) -> None:
        begun, waiting = errands.submit("preview", {}), errands.submit("preview", {})
        errands.claim(["preview"])
        errands.recover()
        reason = errands.get(begun).reason
        assert reason is not None and reason.code == "task_interrupted"
        assert errands.get(waiting).state == "pending"

    def test_old_answers_go_and_nothing_else(self, errands: TaskStore, clock: Clock) -> None:
        old, waiting = errands.submit("preview", {}), errands.submit("doctor", {})
        errands.claim(["preview"])
        errands.finish(old, {})
        assert errands.prune() == []
        clock.time += RETENTION_S + 1
        assert errands.prune() == [old]
        assert errands.get(waiting).state == "pending"
        with pytest.raises(BadInput) as refusal:
            errands.get(old)
        assert refusal.value.code == "task_unknown"

    def test_only_a_running_one_is_answered(self, errands: TaskStore) -> None:
        asked = errands.submit("doctor", {})
        with pytest.raises(BadInput):
            errands.finish(asked, {})
        assert errands.get(asked).state == "pending"
