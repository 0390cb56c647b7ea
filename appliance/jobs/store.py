"""The job queue: every job with its state and progress, in one SQLite file.

Any number of processes may use the file at the same time: the inbox scanner adds jobs, the worker
claims them and reports progress, the panel and the command line read them and make requests.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from appliance.errors import BadInput
from appliance.jobs.ages import JobAges
from appliance.jobs.database import DatabaseClient
from appliance.jobs.disk_space import DiskBudget
from appliance.jobs.fair_order import FairOrder
from appliance.jobs.files import JobFiles, claim_files
from appliance.jobs.models import Event, Job, NewJob, Reason, path_to_blob, reason_from_columns
from appliance.jobs.retry import can_retry
from appliance.jobs.states import JobRequest, JobState
from appliance.jobs.transitions import (
    add_event,
    placeholders,
    reason_columns,
    rejection,
    transition,
)
from appliance.system.elapsed import Seconds, boot_time, read_boot_id


def store_path(root: Path) -> Path:
    """Return the path of the job database below the root folder ``root``."""
    return root / "state" / "lectern.sqlite3"


class JobStore(DatabaseClient):
    """The job queue as users see it: read jobs, add them and make requests. For one thread.

    The daemon uses :class:`~appliance.jobs.worker_store.WorkerStore`.

    ``max_attempts_without_progress`` is how often a job may start without finishing a single chunk.
    ``now`` returns the seconds since 1970, ``since_boot`` those since the device was switched on,
    and ``boot_id`` the ID of this start of the device.

    Every method may raise ``Fault`` (``database_busy``, ``database_access_denied``,
    ``database_damaged``, ``disk_full``); those that take a job's ID raise
    ``BadInput("job_unknown")``, and ``BadInput("job_wrong_state")`` when the job's state does not
    allow the operation.
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
        super().__init__(path)
        self._max_attempts = max_attempts_without_progress
        self._now, self._since_boot = now, since_boot
        self.ages = JobAges(self._database, now, since_boot, boot_id)
        self.files = JobFiles(self._database)
        self.disk_budget = DiskBudget(self._database)
        self.order = FairOrder(self._database)

    # Reading

    def get(self, job: int) -> Job:
        """Return one job. Raises ``BadInput("job_unknown")``."""
        rows = self._database.read("SELECT * FROM jobs WHERE id = ?", job)
        if not rows:
            raise BadInput("job_unknown", job=job)
        return Job.from_row(rows[0])

    def jobs(self, states: Iterable[JobState] = JobState, limit: int = -1) -> list[Job]:
        """Return at most ``limit`` (-1: all) jobs in any of ``states``, newest first."""
        state_values = [state.value for state in states]
        rows = self._database.read(
            f"SELECT * FROM jobs WHERE state IN ({placeholders(state_values)})"
            " ORDER BY id DESC LIMIT ?",
            *state_values,
            limit,
        )
        return [Job.from_row(row) for row in rows]

    def counts(self, owner: str | None = None) -> dict[JobState, int]:
        """Return the number of jobs in each state, of ``owner`` or of all (``None``)."""
        rows = self._database.read(
            "SELECT state, count(*) AS jobs FROM jobs WHERE ? IS NULL OR owner = ? GROUP BY state",
            owner,
            owner,
        )
        found = {JobState(row["state"]): int(row["jobs"]) for row in rows}
        return {state: found.get(state, 0) for state in JobState}

    def latest_per_owner(self, state: JobState, count: int) -> list[Job]:
        """Return, for every owner, the ``count`` jobs that most recently reached ``state``.

        ``state`` must be a final state. The jobs are sorted by the time at which they ended,
        newest first.
        """
        rows = self._database.read(
            "SELECT * FROM jobs WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
            " (PARTITION BY owner ORDER BY finished DESC, id DESC) AS age_rank"
            " FROM jobs WHERE state = ?) WHERE age_rank <= ?) ORDER BY finished DESC, id DESC",
            state.value,
            count,
        )
        return [Job.from_row(row) for row in rows]

    def unarchived(self) -> list[Job]:
        """Return the ended jobs with source files that are not archived yet, oldest first."""
        rows = self._database.read(
            "SELECT * FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND NOT archived "
            "ORDER BY id"
        )
        return [Job.from_row(row) for row in rows]

    def events(self, after: int = 0, limit: int = 100) -> list[Event]:
        """Return the newest ``limit`` events with an ID above ``after``, oldest first."""
        rows = self._database.read(
            "SELECT * FROM events WHERE id > ? ORDER BY id DESC LIMIT ?", after, limit
        )
        return [
            Event(
                r["id"],
                r["at"],
                r["job"],
                r["kind"],
                reason_from_columns(r["reason"], r["reason_params"]),
            )
            for r in reversed(rows)
        ]

    def holds(self) -> list[Reason]:
        """Return the reasons why the worker starts no job at present, oldest first."""
        rows = self._database.read("SELECT * FROM holds ORDER BY since")
        return [Reason(row["reason"], json.loads(row["reason_params"])) for row in rows]

    # Adding jobs

    def add(self, new: NewJob) -> Job:
        """Add a job, which is queued, or waiting if its presenter or lecture is missing.

        Raises ``BadInput("file_in_use")`` if one of its files already belongs to a job.
        """
        return self.add_all([new])[0]

    def add_all(self, jobs: Iterable[NewJob]) -> list[Job]:
        """Add several jobs as :meth:`add` does, either all or none of them."""
        with self._database.write() as connection:
            return [self._insert(connection, new) for new in jobs]

    def _insert(self, connection: sqlite3.Connection, new: NewJob) -> Job:
        state = JobState.WAITING if None in (new.presenter, new.lecture) else JobState.QUEUED
        reason, params = reason_columns(new.waiting_reason)
        row = connection.execute(
            "INSERT INTO jobs (stem, presenter, lecture, options, priority, state, reason,"
            " reason_params, created, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                os.fsencode(new.stem),
                path_to_blob(new.presenter),
                path_to_blob(new.lecture),
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
        add_event(connection, self._now(), row["id"], state.value, new.waiting_reason)
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
        ``BadInput("file_in_use")`` if one of ``claims`` already belongs to a job.
        """
        with self._database.write() as connection:
            transition(
                connection, self._now(), job, JobState.QUEUED, expected_state=JobState.WAITING
            )
            connection.execute(
                "UPDATE jobs SET presenter = ?, lecture = ?, stem = coalesce(?, stem),"
                " options = coalesce(?, options) WHERE id = ?",
                (
                    path_to_blob(presenter),
                    path_to_blob(lecture),
                    None if stem is None else os.fsencode(stem),
                    None if options is None else json.dumps(options),
                    job,
                ),
            )
            claim_files(connection, job, claims)
        return self.get(job)

    def reject(self, job: int, reason: Reason) -> None:
        """Mark a job with unusable files as failed, before it is started."""
        with self._database.write() as connection:
            transition(connection, self._now(), job, JobState.FAILED, reason)

    # Requests of users

    def cancel(self, job: int) -> JobState:
        """Cancel a job, at once or after the current chunk; return its state."""
        return self._request(job, JobRequest.CANCEL, JobState.CANCELLED, Reason("cancelled"))

    def pause(self, job: int) -> JobState:
        """Pause a job, at once or after the current chunk; return its state."""
        return self._request(job, JobRequest.PAUSE, JobState.PAUSED, None)

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
                transition(
                    connection, self._now(), job, JobState.QUEUED, expected_state=JobState.PAUSED
                )

    def retry(self, job: int) -> None:
        """Queue a failed or cancelled job again and reset its attempt counters.

        A job without a presenter or lecture cannot be retried. Raises ``BadInput("retry_useless")``
        if it failed because of a file that is still the same.
        """
        found = self.get(job)
        ended = found.state in (JobState.FAILED, JobState.CANCELLED)
        if ended and found.presenter and found.lecture and not can_retry(found):
            raise BadInput("retry_useless", job=job)
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT id FROM jobs WHERE id = ? AND state IN ('failed', 'cancelled')"
                " AND presenter != x'' AND lecture != x''",
                (job,),
            ).fetchone()
            if row is None:
                raise rejection(connection, job)
            transition(connection, self._now(), job, JobState.QUEUED)
            connection.execute(
                "UPDATE jobs SET attempts_without_progress = 0, interruptions = 0,"
                " degrade_level = 0, not_before = 0, archived = 0, finished = NULL WHERE id = ?",
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

    def mark_downloaded(self, job: int) -> None:
        """Record that a user has downloaded the result."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET downloaded = ? WHERE id = ? AND state = 'done'", (self._now(), job)
            )

    def remove_all(self, jobs: Iterable[int]) -> None:
        """Delete the records of ended jobs, all or none. Raises what a wrong state raises."""
        with self._database.write() as connection:
            for job in jobs:
                removed = connection.execute(
                    "DELETE FROM jobs WHERE id = ? AND state IN ('done', 'failed', 'cancelled')",
                    (job,),
                )
                if not removed.rowcount:
                    raise rejection(connection, job)

    def _request(
        self, job: int, request: JobRequest, state: JobState, reason: Reason | None
    ) -> JobState:
        with self._database.write() as connection:
            running = connection.execute(
                "UPDATE jobs SET request = CASE request WHEN 'cancel' THEN 'cancel' ELSE ? END"
                " WHERE id = ? AND state = 'running'",
                (request.value, job),
            )
            if running.rowcount:
                return JobState.RUNNING
            transition(connection, self._now(), job, state, reason)
        return state
