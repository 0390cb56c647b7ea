"""What is asked of the daemon outside the queue is answered once, or said to be lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import BadInput
from appliance.jobs.errands import KEPT_S, Errands
from appliance.jobs.record import Reason
from appliance.jobs.store import store_path


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def errands(tmp_path: Path, clock: Clock) -> Errands:
    return Errands(store_path(tmp_path), now=clock)


class TestErrands:
    def test_an_answer_reaches_who_asked(self, errands: Errands, tmp_path: Path) -> None:
        name = os.fsdecode("课程\n".encode() + b"\xff")  # a name need not be valid text
        asked = errands.ask("preflight", {"presenter": name}, "li")
        with Errands(store_path(tmp_path)) as daemon:
            taken = daemon.claim(["preview", "preflight"])
            assert taken is not None and taken.id == asked
            assert taken.params == {"presenter": name} and taken.state == "running"
            assert daemon.claim(["preflight"]) is None
            daemon.finish(asked, {"face_found": True})
        answer = errands.get(asked)
        assert (answer.state, answer.owner, answer.result) == ("done", "li", {"face_found": True})

    def test_the_oldest_of_the_wanted_kinds_goes_first(self, errands: Errands) -> None:
        ids = [errands.ask(kind, {}) for kind in ("preview", "preflight", "preflight")]
        taken = [errands.claim(["preflight"]) for _ in range(3)]
        assert [errand and errand.id for errand in taken] == [ids[1], ids[2], None]
        assert errands.waiting(["preview"]) and not errands.waiting(["doctor"])

    def test_one_that_failed_says_why(self, errands: Errands) -> None:
        asked = errands.ask("preflight", {})
        errands.claim(["preflight"])
        errands.fail(asked, Reason("no_face", {"name": "wang.mp4"}))
        answer = errands.get(asked)
        assert answer.state == "failed" and answer.reason is not None
        assert "wang.mp4" in answer.reason.text("zh")

    def test_what_a_daemon_left_is_failed_and_what_it_did_not_begin_is_kept(
        self, errands: Errands
    ) -> None:
        begun, waiting = errands.ask("preview", {}), errands.ask("preview", {})
        errands.claim(["preview"])
        errands.recover()
        reason = errands.get(begun).reason
        assert reason is not None and reason.code == "errand_interrupted"
        assert errands.get(waiting).state == "asked"

    def test_old_answers_go_and_nothing_else(self, errands: Errands, clock: Clock) -> None:
        old, waiting = errands.ask("preview", {}), errands.ask("doctor", {})
        errands.claim(["preview"])
        errands.finish(old, {})
        assert errands.prune() == []
        clock.time += KEPT_S + 1
        assert errands.prune() == [old]
        assert errands.get(waiting).state == "asked"
        with pytest.raises(BadInput) as refusal:
            errands.get(old)
        assert refusal.value.code == "errand_unknown"

    def test_only_a_running_one_is_answered(self, errands: Errands) -> None:
        asked = errands.ask("doctor", {})
        with pytest.raises(BadInput):
            errands.finish(asked, {})
        assert errands.get(asked).state == "asked"
