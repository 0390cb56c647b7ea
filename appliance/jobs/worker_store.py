"""The operations of the job queue that the daemon uses."""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from appliance.jobs.backoff import MAX_BACKOFF_S, fault_backoff_s, interruption_backoff_s
from appliance.jobs.fair_order import keep_turn, next_job
from appliance.jobs.models import Job, Reason, path_to_blob
from appliance.jobs.states import JobRequest, JobState
from appliance.jobs.store import JobStore
from appliance.jobs.transitions import (
    add_event,
    clear_interruptions,
    pending_request,
    record_interruption,
    rejection,
    transition,
)
from appliance.system.elapsed import Seconds, boot_time, read_boot_id


class WorkerStore(JobStore):
    """The job queue as the daemon uses it: claim jobs, report progress, finish or fail them.

    How long a job waits before its next attempt is measured by a clock that only advances. The time
    that is stored with it (``not_before``) is shown to users; a new process uses it to continue a
    wait, and ends a wait that the clock makes longer than ``MAX_BACKOFF_S``.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_attempts_without_progress: int = 10,
        now: Seconds = time.time,
        since_boot: Seconds = boot_time,
        boot_id: Callable[[], str] = read_boot_id,
    ) -> None:
        super().__init__(
            path,
            max_attempts_without_progress=max_attempts_without_progress,
            now=now,
            since_boot=since_boot,
            boot_id=boot_id,
        )
        # Of each waiting job, the stored time and the end of its wait in seconds since the start.
        self._wait_ends: dict[int, tuple[float, float]] = {}

    def recover(self, *, unclean_shutdown: bool = True) -> list[Job]:
        """Queue the jobs again that are still marked as running, and return them.

        A pending request to pause or cancel such a job is applied instead. To be called by the
        only worker before the first :meth:`claim`. ``unclean_shutdown`` says that the last daemon
        crashed or was killed, alone or with the device; see :mod:`appliance.jobs.backoff`.
        """
        jobs = self.jobs([JobState.RUNNING])
        if unclean_shutdown and not any(job.attempts_without_progress for job in jobs):
            with self._database.write() as connection:
                clear_interruptions(connection)
        for job in jobs:
            if job.request is not None:
                self.apply_request(job.id, job.request)
            elif unclean_shutdown:
                self._requeue_interrupted(job)
            else:
                self.requeue(job.id, count_attempt=False)
        return [self.get(job.id) for job in jobs]

    def _requeue_interrupted(self, job: Job) -> None:
        """Queue a job again during which the daemon or the device went down.

        Without progress since its start, the job is suspected to be the cause: it has to wait, and
        fails when it reaches the maximum number of attempts.
        """
        count = job.interruptions + 1 if job.attempts_without_progress else 0
        reason = Reason("interrupted", {"count": str(count)}) if count else None
        if count >= self._max_attempts:
            self.fail(job.id, Reason("repeatedly_interrupted", {"attempts": str(count)}))
            return
        wait_s = interruption_backoff_s(count, self._max_attempts) if count else 0.0
        with self._database.write() as connection:
            transition(
                connection,
                self._now(),
                job.id,
                JobState.QUEUED,
                reason,
                expected_state=JobState.RUNNING,
            )
            record_interruption(connection, job.id, count, self._now() + wait_s if wait_s else 0.0)

    def claim(self, free_mb: float = math.inf) -> Job | None:
        """Claim the next queued job and mark it as running; ``None`` if there is none.

        The order is that of :mod:`appliance.jobs.fair_order`. Jobs with estimated disk
        space above ``free_mb`` are skipped. A job is claimed only once, even if several processes
        call this at the same time.
        """
        now = self._now()
        with self._database.write() as connection:
            waiting = self._waiting_jobs(connection)
            job = next_job(connection, waiting, free_mb)
            if job is None:
                return None
            row = connection.execute(
                """
                UPDATE jobs SET state = 'running', request = NULL, reason = NULL,
                    attempts = attempts + 1, attempts_without_progress = attempts_without_progress +
                    1, started = coalesce(started, :now), heartbeat = :now
                WHERE id = :job RETURNING *
                """,
                {"now": now, "job": job},
            ).fetchone()
            add_event(connection, self._now(), row["id"], JobState.RUNNING.value, None)
        return Job.from_row(row)

    def should_yield(self, job: Job) -> bool:
        """Return whether a job of another user, ready to start, waits for ``job`` to end."""
        with self._database.write() as connection:
            waiting = self._waiting_jobs(connection)
        return self.order.has_others(job, waiting)

    def _waiting_jobs(self, connection: sqlite3.Connection) -> list[int]:
        """Return the queued jobs whose wait has not ended."""
        known, since_boot = self._wait_ends, self._since_boot()
        self._wait_ends = {}
        for job, not_before in connection.execute(
            "SELECT id, not_before FROM jobs WHERE state = 'queued' AND not_before > 0"
        ):
            stored, end = known.get(job, (None, 0.0))
            if stored != not_before:
                left_s = not_before - self._now()
                end = since_boot + (left_s if 0 < left_s <= MAX_BACKOFF_S else 0.0)
            self._wait_ends[job] = not_before, end
        return [job for job, (_, end) in self._wait_ends.items() if end > since_boot]

    def update_progress(
        self, job: int, stage: str, done: int, total: int, *, made_progress: bool = False
    ) -> JobRequest | None:
        """Record the progress and the heartbeat of a running job; return a pending request.

        ``made_progress`` says that a unit of work was finished that a retry does not repeat; it
        resets the counters of attempts without progress.
        """
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE jobs SET stage = ?, done = ?, total = ?, heartbeat = ?,"
                " attempts_without_progress = iif(?, 0, attempts_without_progress),"
                " interruptions = iif(?, 0, interruptions)"
                " WHERE id = ? AND state = 'running' RETURNING request",
                (stage, done, total, self._now(), made_progress, made_progress, job),
            ).fetchone()
            if row is None:
                raise rejection(connection, job)
        return JobRequest(row["request"]) if row["request"] else None

    def set_output_paths(self, job: int, output: Path, report: Path) -> None:
        """Record the paths at which the result is about to be published."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET output = ?, report = ? WHERE id = ?",
                (path_to_blob(output), path_to_blob(report), job),
            )

    def finish(self, job: int) -> None:
        """Mark a job as done; its result is published."""
        with self._database.write() as connection:
            transition(connection, self._now(), job, JobState.DONE)

    def fail(self, job: int, reason: Reason) -> None:
        """Mark a job as failed; a retry would not help.

        A job that is to be cancelled is cancelled instead.
        """
        with self._database.write() as connection:
            if pending_request(connection, job) is JobRequest.CANCEL:
                self._apply(connection, job, JobRequest.CANCEL)
            else:
                transition(connection, self._now(), job, JobState.FAILED, reason)

    def requeue(
        self,
        job: int,
        reason: Reason | None = None,
        *,
        count_attempt: bool = True,
        min_wait_s: float = 0.0,
        yields: bool = False,
    ) -> JobState:
        """Queue a running job again and return its new state.

        A user's request to pause or cancel the job is applied instead. With a ``reason``, the job
        waits before the next attempt, at least ``min_wait_s`` seconds,
        and fails if it has reached the maximum number of attempts without progress. Set
        ``count_attempt`` to False if the job is not the cause: the attempt is then not counted, and
        the job continues before those of other users, unless it ``yields`` to them.
        """
        attempts = max(self.get(job).attempts_without_progress - (not count_attempt), 0)
        if reason is not None and count_attempt and attempts >= self._max_attempts:
            self.fail(job, reason)
            return self.get(job).state
        wait_s = max(fault_backoff_s(attempts), min_wait_s)
        with self._database.write() as connection:
            request = pending_request(connection, job)
            if request is not None:  # made while the attempt was ending
                return self._apply(connection, job, request)
            transition(
                connection,
                self._now(),
                job,
                JobState.QUEUED,
                reason,
                expected_state=JobState.RUNNING,
            )
            connection.execute(
                "UPDATE jobs SET attempts_without_progress = ?, not_before = ? WHERE id = ?",
                (attempts, 0 if reason is None else self._now() + wait_s, job),
            )
            if not count_attempt and not yields:
                keep_turn(connection, job)
        return JobState.QUEUED

    def apply_request(self, job: int, request: JobRequest) -> None:
        """Apply a user's request to a running job."""
        with self._database.write() as connection:
            self._apply(connection, job, request)

    def _apply(self, connection: sqlite3.Connection, job: int, request: JobRequest) -> JobState:
        if request is JobRequest.CANCEL:
            transition(connection, self._now(), job, JobState.CANCELLED, Reason("cancelled"))
            return JobState.CANCELLED
        transition(connection, self._now(), job, JobState.PAUSED, expected_state=JobState.RUNNING)
        return JobState.PAUSED

    def degrade(self, job: int) -> None:
        """Raise the degrade level of a job by one because memory ran out."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET degrade_level = degrade_level + 1 WHERE id = ?", (job,)
            )

    def mark_archived(self, job: int) -> None:
        """Record that all source files of an ended job are archived."""
        with self._database.write() as connection:
            connection.execute("UPDATE jobs SET archived = 1 WHERE id = ?", (job,))

    def add_hold(self, reason: Reason) -> None:
        """Record a reason why no job is started at present."""
        with self._database.write() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO holds VALUES (?, ?, ?)",
                (reason.code, json.dumps(dict(reason.params)), self._now()),
            )
            if added.rowcount:
                add_event(connection, self._now(), None, "hold", reason)

    def remove_hold(self, code: str) -> None:
        """Remove a reason why no job is started."""
        with self._database.write() as connection:
            removed = connection.execute("DELETE FROM holds WHERE reason = ?", (code,))
            if removed.rowcount:
                add_event(connection, self._now(), None, "release", None)
