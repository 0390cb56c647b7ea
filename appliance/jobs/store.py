"""The job queue: every job with its state and progress, in one SQLite file.

Any number of processes may use the file at the same time: the inbox scanner adds jobs, the worker
claims them and reports progress, the panel and the command line read them and make requests.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from appliance.errors import BadInput
from appliance.jobs.files import claim_files
from appliance.jobs.record import Job, NewJob, Reason, blob_of
from appliance.jobs.states import Request, State
from appliance.jobs.transitions import (
    become,
    columns,
    note,
    refusal,
)
from appliance.jobs.work import JobWork


def store_path(root: Path) -> Path:
    """Return the path of the job database below the root folder ``root``."""
    return root / "state" / "lectern.sqlite3"


class JobStore(JobWork):
    """The job queue of a device. To be used from one thread.

    ``max_idle_attempts`` is how often a job may start without finishing a single chunk. ``now``
    returns the seconds since 1970.

    Every method may raise ``Fault`` (``store_busy``, ``store_denied``, ``store_damaged``,
    ``disk_full``); those that take a job's ID raise ``BadInput("job_unknown")``, and
    ``BadInput("job_wrong_state")`` when the job's state does not allow the operation.
    """

    # Adding jobs

    def add(self, new: NewJob) -> Job:
        """Add a job, which is queued, or waiting if its presenter or lecture is missing.

        Raises ``BadInput("file_claimed")`` if one of its files already belongs to a job.
        """
        return self.add_all([new])[0]

    def add_all(self, jobs: Iterable[NewJob]) -> list[Job]:
        """Add several jobs as :meth:`add` does, either all or none of them."""
        with self._database.write() as connection:
            return [self._insert(connection, new) for new in jobs]

    def _insert(self, connection: sqlite3.Connection, new: NewJob) -> Job:
        state = State.WAITING if None in (new.presenter, new.lecture) else State.QUEUED
        reason, params = columns(new.waits_for)
        row = connection.execute(
            "INSERT INTO jobs (stem, presenter, lecture, options, priority, state, reason,"
            " reason_params, created, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                os.fsencode(new.stem),
                blob_of(new.presenter),
                blob_of(new.lecture),
                json.dumps(new.options),
                new.priority,
                state.value,
                reason,
                params,
                self._now(),
                new.owner,
            ),
        ).fetchone()
        claim_files(connection, row["id"], new.claims)
        note(connection, self._now(), row["id"], state.value, new.waits_for)
        return Job.from_row(row)

    def complete(
        self,
        job: int,
        presenter: Path,
        lecture: Path,
        claims: Iterable[Path],
        *,
        stem: str | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Job:
        """Queue a waiting job for which the missing file has arrived.

        ``stem`` and ``options`` replace those of the job if given. Raises
        ``BadInput("file_claimed")`` if one of ``claims`` already belongs to a job.
        """
        with self._database.write() as connection:
            become(connection, self._now(), job, State.QUEUED, only=State.WAITING)
            connection.execute(
                "UPDATE jobs SET presenter = ?, lecture = ?, stem = coalesce(?, stem),"
                " options = coalesce(?, options) WHERE id = ?",
                (
                    blob_of(presenter),
                    blob_of(lecture),
                    None if stem is None else os.fsencode(stem),
                    None if options is None else json.dumps(options),
                    job,
                ),
            )
            claim_files(connection, job, claims)
        return self.get(job)

    # Requests of users

    def cancel(self, job: int) -> State:
        """Cancel a job, at once or after the current chunk; return its state."""
        return self._ask(job, Request.CANCEL, State.CANCELLED, Reason("cancelled"))

    def pause(self, job: int) -> State:
        """Pause a job, at once or after the current chunk; return its state."""
        return self._ask(job, Request.PAUSE, State.PAUSED, None)

    def resume(self, job: int) -> None:
        """Queue a paused job again; its finished chunks are kept.

        If the job is still running, a pending pause request is withdrawn instead.
        """
        with self._database.write() as connection:
            withdrawn = connection.execute(
                "UPDATE jobs SET request = NULL"
                " WHERE id = ? AND state = 'running' AND request = 'pause'",
                (job,),
            )
            if not withdrawn.rowcount:
                become(connection, self._now(), job, State.QUEUED, only=State.PAUSED)

    def retry(self, job: int) -> None:
        """Queue a failed or cancelled job again and reset its attempt counters.

        A job without a presenter or lecture cannot be retried.
        """
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT id FROM jobs WHERE id = ? AND state IN ('failed', 'cancelled')"
                " AND presenter != x'' AND lecture != x''",
                (job,),
            ).fetchone()
            if row is None:
                raise refusal(connection, job)
            become(connection, self._now(), job, State.QUEUED)
            connection.execute(
                "UPDATE jobs SET idle_attempts = 0, interruptions = 0, relief = 0, not_before = 0,"
                " settled = 0, finished = NULL WHERE id = ?",
                (job,),
            )

    def set_priority(self, job: int, priority: int) -> None:
        """Set the priority of a job; jobs of higher priority are started first."""
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE jobs SET priority = ? WHERE id = ?", (priority, job)
            )
            if not changed.rowcount:
                raise BadInput("job_unknown", job=job)

    def fetched(self, job: int) -> None:
        """Record that a user has downloaded the result."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET fetched = ? WHERE id = ? AND state = 'done'", (self._now(), job)
            )

    def remove(self, job: int) -> None:
        """Delete the record of an ended job; its files must already be deleted."""
        with self._database.write() as connection:
            gone = connection.execute(
                "DELETE FROM jobs WHERE id = ? AND state IN ('done', 'failed', 'cancelled')", (job,)
            )
            if not gone.rowcount:
                raise refusal(connection, job)

    def _ask(self, job: int, request: Request, state: State, reason: Reason | None) -> State:
        with self._database.write() as connection:
            running = connection.execute(
                "UPDATE jobs SET request = CASE request WHEN 'cancel' THEN 'cancel' ELSE ? END"
                " WHERE id = ? AND state = 'running'",
                (request.value, job),
            )
            if running.rowcount:
                return State.RUNNING
            become(connection, self._now(), job, state, reason)
        return state
