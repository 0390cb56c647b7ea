"""State changes of a job and the events that record them, inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sized

from appliance.errors import BadInput
from appliance.jobs.record import Reason
from appliance.jobs.states import State, may_become

MAX_EVENTS = 5000
"""Maximum number of events; older ones are deleted."""


def become(
    connection: sqlite3.Connection,
    now: float,
    job: int,
    state: State,
    reason: Reason | None = None,
    *,
    only: State | None = None,
) -> None:
    """Change the state of ``job`` to ``state`` and add an event.

    The job must be in a state that allows the transition, or in the state ``only`` if given.
    Raises ``BadInput``: ``job_unknown`` or ``job_wrong_state``.
    """
    before = [s.value for s in ({only} if only else may_become(state))]
    code, params = columns(reason)
    changed = connection.execute(
        "UPDATE jobs SET state = ?, request = NULL, reason = ?, reason_params = ?,"
        " finished = CASE WHEN ? IN ('done', 'failed', 'cancelled') THEN ? END"
        f" WHERE id = ? AND state IN ({marks(before)})",
        (state.value, code, params, state.value, now, job, *before),
    )
    if not changed.rowcount:
        raise refusal(connection, job)
    note(connection, now, job, state.value, reason)


def note_interruption(
    connection: sqlite3.Connection, job: int, interruptions: int, not_before: float
) -> None:
    """Record that the device went down during ``job`` for the ``interruptions``-th time in a row.

    The interrupted attempt is not counted as an attempt without progress.
    """
    connection.execute(
        "UPDATE jobs SET idle_attempts = max(idle_attempts - 1, 0), interruptions = ?,"
        " not_before = ? WHERE id = ?",
        (interruptions, not_before, job),
    )


def clear_suspects(connection: sqlite3.Connection) -> None:
    """Reset the interruption counters of all jobs.

    To be called when the device went down while no suspected job was running, which shows that
    none of them was the cause.
    """
    connection.execute("UPDATE jobs SET interruptions = 0")
    connection.execute(
        "UPDATE jobs SET not_before = 0, reason = NULL, reason_params = '{}'"
        " WHERE state = 'queued' AND reason = 'interrupted'"
    )


def refusal(connection: sqlite3.Connection, job: int) -> BadInput:
    """Return the error that explains why an update of ``job`` changed no row."""
    row = connection.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
    if row is None:
        return BadInput("job_unknown", job=job)
    return BadInput("job_wrong_state", job=job, state=row["state"])


def note(
    connection: sqlite3.Connection, now: float, job: int | None, kind: str, reason: Reason | None
) -> None:
    """Add an event and delete the oldest ones beyond ``MAX_EVENTS``."""
    code, params = columns(reason)
    new = connection.execute(
        "INSERT INTO events (at, job, kind, reason, params) VALUES (?, ?, ?, ?, ?)",
        (now, job, kind, code, params),
    )
    connection.execute("DELETE FROM events WHERE id <= ?", ((new.lastrowid or 0) - MAX_EVENTS,))


def columns(reason: Reason | None) -> tuple[str | None, str]:
    """Convert a reason to the values of the columns for its code and its parameters."""
    return (None, "{}") if reason is None else (reason.code, json.dumps(dict(reason.params)))


def marks(values: Sized) -> str:
    """Return the SQL placeholders for ``values``."""
    return ", ".join("?" * len(values))
