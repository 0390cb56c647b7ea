"""The queue as it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable

from appliance.errors import BadInput
from appliance.jobs.record import Event, Job, Reason, reason_of
from appliance.jobs.schema import Tables
from appliance.jobs.states import State
from appliance.jobs.transitions import marks


class JobReader(Tables):
    """The reading half of :class:`~appliance.jobs.store.JobStore`."""

    def get(self, job: int) -> Job:
        """One job."""
        rows = self._database.read("SELECT * FROM jobs WHERE id = ?", job)
        if not rows:
            raise BadInput("job_unknown", job=job)
        return Job.from_row(rows[0])

    def jobs(self, states: Iterable[State] = State, limit: int = -1) -> list[Job]:
        """Jobs in any of ``states``, the newest first, at most ``limit`` (-1: all)."""
        wanted = [state.value for state in states]
        rows = self._database.read(
            f"SELECT * FROM jobs WHERE state IN ({marks(wanted)}) ORDER BY id DESC LIMIT ?",
            *wanted,
            limit,
        )
        return [Job.from_row(row) for row in rows]

    def latest(self, state: State, each: int) -> list[Job]:
        """Every owner's ``each`` jobs that came last to the ended ``state``, the last first."""
        rows = self._database.read(
            "SELECT * FROM jobs WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
            " (PARTITION BY owner ORDER BY finished DESC, id DESC) AS place"
            " FROM jobs WHERE state = ?) WHERE place <= ?) ORDER BY finished DESC, id DESC",
            state.value,
            each,
        )
        return [Job.from_row(row) for row in rows]

    def unsettled(self) -> list[Job]:
        """Ended jobs whose files have not all been put away yet, the oldest first."""
        rows = self._database.read(
            "SELECT * FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND NOT settled "
            "ORDER BY id"
        )
        return [Job.from_row(row) for row in rows]

    def events(self, after: int = 0, limit: int = 100) -> list[Event]:
        """The newest ``limit`` events with a number above ``after``, in their order."""
        rows = self._database.read(
            "SELECT * FROM events WHERE id > ? ORDER BY id DESC LIMIT ?", after, limit
        )
        return [
            Event(r["id"], r["at"], r["job"], r["kind"], reason_of(r["reason"], r["params"]))
            for r in reversed(rows)
        ]

    def holds(self) -> list[Reason]:
        """Why the worker starts nothing at present, the oldest reason first."""
        rows = self._database.read("SELECT * FROM holds ORDER BY since")
        return [Reason(row["reason"], json.loads(row["params"])) for row in rows]
