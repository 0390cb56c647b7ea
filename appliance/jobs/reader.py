"""Read access to the job queue."""

from __future__ import annotations

import json
from collections.abc import Iterable

from appliance.errors import BadInput
from appliance.jobs.record import Event, Job, Reason, reason_of
from appliance.jobs.schema import Tables
from appliance.jobs.states import State
from appliance.jobs.transitions import marks


class JobReader(Tables):
    """The methods of :class:`~appliance.jobs.store.JobStore` that read."""

    def get(self, job: int) -> Job:
        """Return one job. Raises ``BadInput("job_unknown")``."""
        rows = self._database.read("SELECT * FROM jobs WHERE id = ?", job)
        if not rows:
            raise BadInput("job_unknown", job=job)
        return Job.from_row(rows[0])

    def jobs(self, states: Iterable[State] = State, limit: int = -1) -> list[Job]:
        """Return at most ``limit`` (-1: all) jobs in any of ``states``, newest first."""
        wanted = [state.value for state in states]
        rows = self._database.read(
            f"SELECT * FROM jobs WHERE state IN ({marks(wanted)}) ORDER BY id DESC LIMIT ?",
            *wanted,
            limit,
        )
        return [Job.from_row(row) for row in rows]

    def latest(self, state: State, each: int) -> list[Job]:
        """Return, for every owner, the ``each`` jobs that most recently reached ``state``.

        ``state`` must be a final state. The jobs are sorted by the time at which they ended,
        newest first.
        """
        rows = self._database.read(
            "SELECT * FROM jobs WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
            " (PARTITION BY owner ORDER BY finished DESC, id DESC) AS place"
            " FROM jobs WHERE state = ?) WHERE place <= ?) ORDER BY finished DESC, id DESC",
            state.value,
            each,
        )
        return [Job.from_row(row) for row in rows]

    def unsettled(self) -> list[Job]:
        """Return the ended jobs with source files that are not archived yet, oldest first."""
        rows = self._database.read(
            "SELECT * FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND NOT settled "
            "ORDER BY id"
        )
        return [Job.from_row(row) for row in rows]

    def events(self, after: int = 0, limit: int = 100) -> list[Event]:
        """Return the newest ``limit`` events with an ID above ``after``, oldest first."""
        rows = self._database.read(
            "SELECT * FROM events WHERE id > ? ORDER BY id DESC LIMIT ?", after, limit
        )
        return [
            Event(r["id"], r["at"], r["job"], r["kind"], reason_of(r["reason"], r["params"]))
            for r in reversed(rows)
        ]

    def holds(self) -> list[Reason]:
        """Return the reasons why the worker starts no job at present, oldest first."""
        rows = self._database.read("SELECT * FROM holds ORDER BY since")
        return [Reason(row["reason"], json.loads(row["params"])) for row in rows]
