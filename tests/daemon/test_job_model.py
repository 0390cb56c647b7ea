"""Every request of a user at every moment, with the worker dying at any moment: a random walk.

The queue, the worker, the delivery and the archive are real; only the rendering is a small file.
``LECTERN_STEPS`` sets the number of steps of each walk, ``LECTERN_WALKS`` the number of walks.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from appliance.attempt.protocol import (
    ProgressCallback,
    ProgressUpdate,
    RenderRequest,
    StopRequested,
)
from appliance.config import Config
from appliance.daemon.worker import Worker
from appliance.errors import BadInput, Fault
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.store import JobStore, store_path
from appliance.jobs.worker_store import WorkerStore
from tests.daemon.world import Clock, drop, make_worker
from tests.render.conftest import settings as render_settings

MOMENTS = ("start", "progress", "last", "end", "report", "never")
REQUESTS = ("pause", "cancel", "resume", "retry")
OUTCOMES = ("done", "crashed", "bad input")
_DAY_S = 86_400.0


class DaemonDeathError(BaseException):
    """The daemon is killed here."""


class JobMachine(RuleBasedStateMachine):
    """A device on which users and faults do what they like."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="lectern-model-"))
        self.config: Config = render_settings(jobs={"min_free_disk_mb": 0})
        self.config = self.config.model_copy(update={"root": self.root})
        self.clock = Clock()
        self.count = 0
        self.outcome = self.request = self.request_at = self.death_at = ""
        self.current: int | None = None
        self.accepted: str | None = None
        self.store = self._open()
        self.worker = self._start()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.root)

    def _open(self) -> WorkerStore:
        path = store_path(self.root)
        return WorkerStore(path, max_attempts_without_progress=3, now=self.clock)

    def _start(self) -> Worker:
        return make_worker(
            self.store, self.config, self._attempt, now=self.clock, on_report=self._on_report
        )

    def _attempt(self, request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
        self.current = int(request.folder.parent.name)
        for number, moment in enumerate(("start", "progress")):
            self._at(moment)
            if on_progress(ProgressUpdate(f"stage {number}", number, 2)):
                raise StopRequested
        self._at("last")  # nothing asks for requests any more
        if self.outcome == "crashed":
            raise Fault("processing_crashed", reason="signal SIGSEGV")
        if self.outcome == "bad input":
            raise BadInput("not_media", name=request.lecture.name)
        request.output.write_bytes(b"video of " + request.lecture.read_bytes())
        self._at("end")
        return {"output": {}}

    def _on_report(self, report: dict[str, Any]) -> None:
        self._at("report")

    def _at(self, moment: str) -> None:
        if moment == self.request_at and self.current is not None:
            self._ask(self.current, self.request)
        if moment == self.death_at:
            raise DaemonDeathError

    def _ask(self, job: int, request: str) -> None:
        """Make a user's request, through the panel's own connection."""
        with JobStore(store_path(self.root), now=self.clock) as panel:
            before = panel.get(job)
            try:
                getattr(panel, request)(job)
            except BadInput as error:
                assert error.code == "job_wrong_state"
                assert panel.get(job) == before
                return
            if before.state is JobState.RUNNING:
                self.accepted = None if request == "resume" else request

    @rule(target=jobs)
    def add(self) -> int:
        self.count += 1
        return drop(self.store, self.config, f"lesson {self.count}").id

    @rule(job=jobs, request=st.sampled_from(REQUESTS))
    def ask(self, job: int, request: str) -> None:
        self._ask(job, request)

    @rule(
        outcome=st.sampled_from(OUTCOMES),
        request=st.sampled_from(REQUESTS),
        request_at=st.sampled_from(MOMENTS),
        death_at=st.sampled_from(MOMENTS),
    )
    def work(self, outcome: str, request: str, request_at: str, death_at: str) -> None:
        self.outcome, self.request = outcome, request
        self.request_at, self.death_at = request_at, death_at
        self._forget_the_last_run()
        self.clock.time += _DAY_S  # after any wait
        try:
            self.worker.run_next()
        except DaemonDeathError:
            self.store.close()
            self.store = self._open()
            self.worker = self._start()
            self.worker.recover(unclean_shutdown=True)
        if self.current is not None and self.accepted is not None:
            late = request_at in ("last", "end", "report")
            self._check_request(self.store.get(self.current).state, late=late)

    def _forget_the_last_run(self) -> None:
        self.current = self.accepted = None

    def _check_request(self, state: JobState, *, late: bool) -> None:
        """Check that the accepted request was not lost; a late one may find a finished video."""
        if self.accepted == "cancel":
            assert state in {JobState.CANCELLED, *([JobState.DONE] if late else [])}
        else:
            ended = {JobState.DONE, JobState.FAILED} if late else set()
            assert state in {JobState.PAUSED, *ended}

    @rule(unclean=st.booleans())
    def restart(self, unclean: bool) -> None:
        self.worker = self._start()
        self.worker.recover(unclean_shutdown=unclean)

    @invariant()
    def no_job_is_left_running(self) -> None:
        assert not self.store.jobs([JobState.RUNNING])

    @invariant()
    def sources_exist_exactly_once(self) -> None:
        files = [path for path in (self.root / "inbox").rglob("*") if path.is_file()]
        for number in range(1, self.count + 1):
            for suffix in (".mp4", ".wav"):
                name = f"lesson {number}{suffix}"
                assert sum(path.name == name for path in files) == 1, name

    @invariant()
    def finished_jobs_have_their_video_and_no_other_job_has_one(self) -> None:
        videos = {path.name for path in (self.root / "outbox").glob("*.mp4")}
        done = {f"{job.stem}.mp4" for job in self.store.jobs([JobState.DONE])}
        # A video whose delivery was interrupted is delivered again, under its name.
        published = {job.output.name for job in self.store.jobs() if job.output is not None}
        assert done <= videos <= published
        ended = self.store.jobs(FINAL_STATES - {JobState.DONE})
        if not self.store.unarchived():
            assert not videos & {f"{job.stem}.mp4" for job in ended}


@pytest.mark.parametrize("deaths", [1, 3])
def test_published_video_of_a_job_that_is_not_done_is_withdrawn(deaths: int) -> None:
    """The daemon dies between the delivery and the queue: once after a cancel, or three times."""
    machine = JobMachine()
    machine.add()
    (job,) = (job.id for job in machine.store.jobs())
    for _ in range(deaths):
        request, at = ("cancel", "report") if deaths == 1 else ("retry", "never")
        machine.work("done", request, at, "report")
    assert machine.store.get(job).state in {JobState.CANCELLED, JobState.FAILED}
    machine.work("done", "retry", "never", "never")  # archives the job
    assert not machine.store.unarchived()
    assert list((machine.root / "outbox").iterdir()) == []
    machine.ask(job, "retry")
    machine.work("done", "retry", "never", "never")
    machine.finished_jobs_have_their_video_and_no_other_job_has_one()
    machine.sources_exist_exactly_once()
    assert machine.store.get(job).state is JobState.DONE
    machine.teardown()


JobMachine.TestCase.settings = settings(
    max_examples=int(os.environ.get("LECTERN_WALKS", "12")),
    stateful_step_count=int(os.environ.get("LECTERN_STEPS", "20")),
    deadline=None,
    derandomize="LECTERN_WALKS" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)
TestJobs = JobMachine.TestCase
