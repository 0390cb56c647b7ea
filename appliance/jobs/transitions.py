"""State changes of a job and the events that record them, inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sized

from appliance.errors import BadInput
from appliance.jobs.models import Reason
from appliance.jobs.states import JobRequest, JobState, states_before

MAX_EVENTS = 5000
"""Maximum number of events; older ones are deleted."""


def transition(
    connection: sqlite3.Connection,
    now: float,
    job: int,
    state: JobState,
    reason: Reason | None = None,
    *,
    expected_state: JobState | None = None,
) -> None:
    """Change the state of ``job`` to ``state`` and add an event.

    The job must be in a state that allows the transition, or in the state ``expected_state`` if
    given. Raises ``BadInput``: ``job_unknown`` or ``job_wrong_state``.
    """
    allowed_states = [
        s.value for s in ({expected_state} if expected_state else states_before(state))
    ]
    code, params = reason_columns(reason)
    changed = connection.execute(
        "UPDATE jobs SET state = ?, request = NULL, reason = ?, reason_params = ?,"
        " finished = CASE WHEN ? IN ('done', 'failed', 'cancelled') THEN ? END"
        f" WHERE id = ? AND state IN ({placeholders(allowed_states)})",
        (state.value, code, params, state.value, now, job, *allowed_states),
    )
    if not changed.rowcount:
        raise rejection(connection, job)
    add_event(connection, now, job, state.value, reason)


def pending_request(connection: sqlite3.Connection, job: int) -> JobRequest | None:
    """Return the request to pause or cancel a running job that has not been applied yet."""
    row = connection.execute(
        "SELECT request FROM jobs WHERE id = ? AND state = 'running'", (job,)
    ).fetchone()
    return JobRequest(row["request"]) if row is not None and row["request"] else None


def record_interruption(
    connection: sqlite3.Connection, job: int, interruptions: int, not_before: float
) -> None:
    """Record that the device went down during ``job`` for the ``interruptions``-th time in a row.

    The interrupted attempt is not counted as an attempt without progress.
    """
    connection.execute(
        "UPDATE jobs SET attempts_without_progress = max(attempts_without_progress - 1, 0),"
        " interruptions = ?, not_before = ? WHERE id = ?",
        (interruptions, not_before, job),
    )


def clear_interruptions(connection: sqlite3.Connection) -> None:
    """Reset the interruption counters of all jobs.

    To be called when the device went down while no suspected job was running, which shows that
    none of them was the cause.
    """
    connection.execute("UPDATE jobs SET interruptions = 0")
    connection.execute(
        "UPDATE jobs SET not_before = 0, reason = NULL, reason_params = '{}'"
        " WHERE state = 'queued' AND reason = 'interrupted'"
    )


def rejection(connection: sqlite3.Connection, job: int) -> BadInput:
    """Return the error that explains why an update of ``job`` changed no row."""
    row = connection.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
    if row is None:
        return BadInput("job_unknown", job=job)
    return BadInput("job_wrong_state", job=job, state=row["state"])


def add_event(
    connection: sqlite3.Connection, now: float, job: int | None, kind: str, reason: Reason | None
) -> None:
    """Add an event and delete the oldest ones beyond ``MAX_EVENTS``."""
    code, params = reason_columns(reason)
    new = connection.execute(
        "INSERT INTO events (at, job, kind, reason, reason_params) VALUES (?, ?, ?, ?, ?)",
        (now, job, kind, code, params),
    )
    connection.execute("DELETE FROM events WHERE id <= ?", ((new.lastrowid or 0) - MAX_EVENTS,))


def reason_columns(reason: Reason | None) -> tuple[str | None, str]:
    """Convert a reason to the values of the columns for its code and its parameters."""
    return (None, "{}") if reason is None else (reason.code, json.dumps(dict(reason.params)))


def placeholders(values: Sized) -> str:
    """Return the SQL placeholders for ``values``."""
    return ", ".join("?" * len(values))
