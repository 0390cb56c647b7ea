"""The states of a job and the transitions between them.

            ┌──────── resume ───────── paused ◄─ pause ─┐
            ▼                                           │
    add ─► queued ─── claim ─────────► running ─────────┼──► done
      │     ▲  ▲  ◄── stop, fault ───────┘              ├──► failed ────┐
      ▼     │  │                                        └──► cancelled ─┤
    waiting ┘  └───────────────────────── retry ────────────────────────┘

A job is *waiting* while a file is missing (such as the lecture of a presenter). A queued, waiting
or paused job is cancelled at once; a running one when its worker reads the request.
"""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """The state of a job. The values are stored in the database."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Request(str, Enum):
    """A user's request to a running job, which the worker applies after the current chunk."""

    CANCEL = "cancel"
    PAUSE = "pause"


FINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED})
"""Final states: neither the worker nor the inbox scan changes such a job any more."""

FOLLOWERS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.QUEUED, State.FAILED, State.CANCELLED}),
    State.QUEUED: frozenset({State.RUNNING, State.PAUSED, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.QUEUED, State.PAUSED}) | FINAL,
    State.PAUSED: frozenset({State.QUEUED, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}
"""The states that may follow each state."""


def may_become(state: State) -> frozenset[State]:
    """Return the states from which a job may change to ``state``."""
    return frozenset(before for before, after in FOLLOWERS.items() if state in after)
