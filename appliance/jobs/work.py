"""The operations of the job queue that the daemon uses."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

from appliance.jobs.files import JobFiles
from appliance.jobs.reader import JobReader
from appliance.jobs.record import Job, Reason, blob_of
from appliance.jobs.rest import LONGEST_S, after_fault, after_interruption
from appliance.jobs.space import JobSpace
from appliance.jobs.states import Request, State
from appliance.jobs.transitions import (
    become,
    clear_suspects,
    note,
    note_interruption,
    refusal,
)


class JobWork(JobReader):
    """The methods of :class:`~appliance.jobs.store.JobStore` that the daemon uses."""

    def __init__(
        self, path: Path, *, max_idle_attempts: int = 10, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(path)
        self._max_idle = max_idle_attempts
        self._now = now
        self.files = JobFiles(self._database)
        self.space = JobSpace(self._database)

    def recover(self, *, went_down: bool = True) -> list[Job]:
        """Queue the jobs again that are still marked as running, and return them.

        A pending request to pause or cancel such a job is applied instead. To be called by the
        only worker before the first :meth:`claim`. ``went_down`` says that the last daemon did not
        shut down in order, alone or with the device; see :mod:`appliance.jobs.rest`.
        """
        jobs = self.jobs([State.RUNNING])
        if went_down and not any(job.idle_attempts for job in jobs):
            with self._database.write() as connection:
                clear_suspects(connection)
        for job in jobs:
            if job.request is not None:
                self.obey(job.id, job.request)
            elif went_down:
                self._interrupt(job)
            else:
                self.hand_back(job.id, excused=True)
        return [self.get(job.id) for job in jobs]

    def _interrupt(self, job: Job) -> None:
        """Queue a job again during which the daemon or the device went down.

        Without progress since its start, the job is suspected to be the cause: it has to wait, and
        fails when it reaches the maximum number of attempts.
        """
        count = job.interruptions + 1 if job.idle_attempts else 0
        reason = Reason("interrupted", {"count": str(count)}) if count else None
        if count >= self._max_idle:
            self.fail(job.id, Reason("no_progress", {"attempts": str(count)}))
            return
        rest = after_interruption(count, self._max_idle) if count else 0.0
        with self._database.write() as connection:
            become(connection, self._now(), job.id, State.QUEUED, reason, only=State.RUNNING)
            note_interruption(connection, job.id, count, self._now() + rest if rest else 0.0)

    def claim(self, room_mb: float = math.inf) -> Job | None:
        """Claim the next queued job and mark it as running; ``None`` if there is none.

        The job of the highest priority comes first, then the oldest one. Jobs with estimated disk
        space above ``room_mb`` are skipped. A job is claimed only once, even if several processes
        call this at the same time.
        """
        now = self._now()
        with self._database.write() as connection:
            # A wait longer than the maximum was started before the clock was set back.
            row = connection.execute(
                """
                UPDATE jobs SET state = 'running', request = NULL, reason = NULL,
                    attempts = attempts + 1, idle_attempts = idle_attempts + 1,
                    started = coalesce(started, :now), heartbeat = :now
                WHERE id = (
                    SELECT id FROM jobs
                    WHERE state = 'queued'
                        AND (not_before <= :now OR not_before > :now + :longest)
                        AND (expected_mb IS NULL OR expected_mb <= :room)
                    ORDER BY priority DESC, id LIMIT 1
                )
                RETURNING *
                """,
                {"now": now, "longest": LONGEST_S, "room": room_mb},
            ).fetchone()
            if row is None:
                return None
            note(connection, self._now(), row["id"], State.RUNNING.value, None)
        return Job.from_row(row)

    def progress(
        self, job: int, stage: str, done: int, total: int, *, advanced: bool = False
    ) -> Request | None:
        """Record the progress and the heartbeat of a running job; return a pending request.

        ``advanced`` says that a unit of work was finished that a retry does not repeat; it resets
        the counters of attempts without progress.
        """
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE jobs SET stage = ?, done = ?, total = ?, heartbeat = ?,"
                " idle_attempts = iif(?, 0, idle_attempts),"
                " interruptions = iif(?, 0, interruptions)"
                " WHERE id = ? AND state = 'running' RETURNING request",
                (stage, done, total, self._now(), advanced, advanced, job),
            ).fetchone()
            if row is None:
                raise refusal(connection, job)
        return Request(row["request"]) if row["request"] else None

    def name_result(self, job: int, output: Path, report: Path) -> None:
        """Record the paths at which the result is about to be published."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET output = ?, report = ? WHERE id = ?",
                (blob_of(output), blob_of(report), job),
            )

    def finish(self, job: int) -> None:
        """Mark a job as done; its result is published."""
        with self._database.write() as connection:
            become(connection, self._now(), job, State.DONE)

    def fail(self, job: int, reason: Reason) -> None:
        """Mark a job as failed; a retry would not help."""
        with self._database.write() as connection:
            become(connection, self._now(), job, State.FAILED, reason)

    def hand_back(
        self,
        job: int,
        reason: Reason | None = None,
        *,
        excused: bool = False,
        at_least_s: float = 0.0,
    ) -> State:
        """Queue a running job again and return its new state.

        With a ``reason``, the job waits before the next attempt, at least ``at_least_s`` seconds,
        and fails if it has reached the maximum number of attempts without progress. With
        ``excused``, the job is not the cause, and the attempt is not counted.
        """
        idle = max(self.get(job).idle_attempts - excused, 0)
        if reason is not None and not excused and idle >= self._max_idle:
            self.fail(job, reason)
            return State.FAILED
        rest = max(after_fault(idle), at_least_s)
        with self._database.write() as connection:
            become(connection, self._now(), job, State.QUEUED, reason, only=State.RUNNING)
            connection.execute(
                "UPDATE jobs SET idle_attempts = ?, not_before = ? WHERE id = ?",
                (idle, 0 if reason is None else self._now() + rest, job),
            )
        return State.QUEUED

    def obey(self, job: int, request: Request) -> None:
        """Apply a user's request to a running job."""
        with self._database.write() as connection:
            if request is Request.PAUSE:
                become(connection, self._now(), job, State.PAUSED, only=State.RUNNING)
            else:
                become(connection, self._now(), job, State.CANCELLED, Reason("cancelled"))

    def relieve(self, job: int) -> None:
        """Raise the degrade level of a job by one because memory ran out."""
        with self._database.write() as connection:
            connection.execute("UPDATE jobs SET relief = relief + 1 WHERE id = ?", (job,))

    def settle(self, job: int) -> None:
        """Record that all source files of an ended job are archived."""
        with self._database.write() as connection:
            connection.execute("UPDATE jobs SET settled = 1 WHERE id = ?", (job,))

    def hold(self, reason: Reason) -> None:
        """Record a reason why no job is started at present."""
        with self._database.write() as connection:
            new = connection.execute(
                "INSERT OR IGNORE INTO holds VALUES (?, ?, ?)",
                (reason.code, json.dumps(dict(reason.params)), self._now()),
            )
            if new.rowcount:
                note(connection, self._now(), None, "hold", reason)

    def release(self, code: str) -> None:
        """Remove a reason for starting no job."""
        with self._database.write() as connection:
            gone = connection.execute("DELETE FROM holds WHERE reason = ?", (code,))
            if gone.rowcount:
                note(connection, self._now(), None, "release", None)
