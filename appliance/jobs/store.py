"""The queue: every job, what it waits for and how far it is, in one SQLite file.

Any number of processes may use the file at once: the folder watch adds, the worker claims and
reports, the panel and the terminal read and ask.
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
    """Where the queue of the box with the folder ``root`` lies."""
    return root / "state" / "lectern.sqlite3"


class JobStore(JobWork):
    """The jobs of a box. Belongs to one thread; ``now`` tells the seconds since 1970.

    ``max_idle_attempts``: how often a job may start without finishing a single chunk.

    Every method may raise ``Fault`` (``store_busy``, ``store_damaged``, ``disk_full``); those that
    take a job's number raise ``BadInput("job_unknown")``, and ``BadInput("job_wrong_state")`` when
    its state does not allow what is asked.
    """

    # Coming in

    def add(self, new: NewJob) -> Job:
        """Queue a job, or let it wait for its missing part. Raises ``BadInput("file_claimed")``."""
        return self.add_all([new])[0]

    def add_all(self, jobs: Iterable[NewJob]) -> list[Job]:
        """:meth:`add` several, all or none."""
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
        """What a waiting job lacked is here: queue it, under a new name or with other options
        where these are given."""
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

    # People

    def cancel(self, job: int) -> State:
        """Give a job up, at once or after the chunk in hand; gives its state now."""
        return self._ask(job, Request.CANCEL, State.CANCELLED, Reason("cancelled"))

    def pause(self, job: int) -> State:
        """Let a job rest, at once or after the chunk in hand; gives its state now."""
        return self._ask(job, Request.PAUSE, State.PAUSED, None)

    def resume(self, job: int) -> None:
        """Queue a paused job again; what it has finished is kept. A pause still to come is off."""
        with self._database.write() as connection:
            withdrawn = connection.execute(
                "UPDATE jobs SET request = NULL"
                " WHERE id = ? AND state = 'running' AND request = 'pause'",
                (job,),
            )
            if not withdrawn.rowcount:
                become(connection, self._now(), job, State.QUEUED, only=State.PAUSED)

    def retry(self, job: int) -> None:
        """Queue a failed or cancelled job again, with all its attempts before it.

        One that lacks its presenter or lecture cannot be tried.
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
        """Let a job go before those of lower priority."""
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE jobs SET priority = ? WHERE id = ?", (priority, job)
            )
            if not changed.rowcount:
                raise BadInput("job_unknown", job=job)

    def fetched(self, job: int) -> None:
        """Note that a person took the result."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE jobs SET fetched = ? WHERE id = ? AND state = 'done'", (self._now(), job)
            )

    def remove(self, job: int) -> None:
        """Forget an ended job whose files are gone."""
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
