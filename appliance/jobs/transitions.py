"""One job's change of state, with its event, inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sized

from appliance.errors import BadInput
from appliance.jobs.record import Reason
from appliance.jobs.states import State, may_become

MAX_EVENTS = 5000
"""Older events are forgotten."""


def become(
    connection: sqlite3.Connection,
    now: float,
    job: int,
    state: State,
    reason: Reason | None = None,
    *,
    only: State | None = None,
) -> None:
    """Bring ``job`` to ``state`` from a state that allows it, or from ``only`` that one.

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
    """The box went down over ``job``, for the ``interruptions``-th time in a row; that was no
    attempt of the job's own."""
    connection.execute(
        "UPDATE jobs SET idle_attempts = max(idle_attempts - 1, 0), interruptions = ?,"
        " not_before = ? WHERE id = ?",
        (interruptions, not_before, job),
    )


def clear_suspects(connection: sqlite3.Connection) -> None:
    """The box went down with no suspect in hand, so it was none of them."""
    connection.execute("UPDATE jobs SET interruptions = 0")
    connection.execute(
        "UPDATE jobs SET not_before = 0, reason = NULL, reason_params = '{}'"
        " WHERE state = 'queued' AND reason = 'interrupted'"
    )


def refusal(connection: sqlite3.Connection, job: int) -> BadInput:
    """Why a change of ``job`` hit no row."""
    row = connection.execute("SELECT state FROM jobs WHERE id = ?", (job,)).fetchone()
    if row is None:
        return BadInput("job_unknown", job=job)
    return BadInput("job_wrong_state", job=job, state=row["state"])


def note(
    connection: sqlite3.Connection, now: float, job: int | None, kind: str, reason: Reason | None
) -> None:
    """Write down an event, and forget the oldest beyond ``MAX_EVENTS``."""
    code, params = columns(reason)
    new = connection.execute(
        "INSERT INTO events (at, job, kind, reason, params) VALUES (?, ?, ?, ?, ?)",
        (now, job, kind, code, params),
    )
    connection.execute("DELETE FROM events WHERE id <= ?", ((new.lastrowid or 0) - MAX_EVENTS,))


def columns(reason: Reason | None) -> tuple[str | None, str]:
    """A reason as the two columns that hold it."""
    return (None, "{}") if reason is None else (reason.code, json.dumps(dict(reason.params)))


def marks(values: Sized) -> str:
    """Placeholders for ``values`` in a query."""
    return ", ".join("?" * len(values))
