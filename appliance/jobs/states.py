"""The states of a job, and which may follow which.

            ┌──────── resume ───────── paused ◄─ pause ─┐
            ▼                                           │
    add ─► queued ─── claim ─────────► running ─────────┼──► done
      │     ▲  ▲  ◄── stop, fault ───────┘              ├──► failed ────┐
      ▼     │  │                                        └──► cancelled ─┤
    waiting ┘  └───────────────────────── retry ────────────────────────┘

A job *waits* while a part of it is missing (a presenter without its lecture). A queued, waiting or
paused job is cancelled at once; a running one when its worker reads the request.
"""

from __future__ import annotations

from enum import Enum


class State(str, Enum):
    """Where a job stands. The values are what the database holds."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Request(str, Enum):
    """What a person asks of a running job; its worker obeys after the chunk in hand."""

    CANCEL = "cancel"
    PAUSE = "pause"


FINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED})
"""States in which no worker and no folder scan touches the job any more."""

FOLLOWERS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.QUEUED, State.FAILED, State.CANCELLED}),
    State.QUEUED: frozenset({State.RUNNING, State.PAUSED, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.QUEUED, State.PAUSED}) | FINAL,
    State.PAUSED: frozenset({State.QUEUED, State.CANCELLED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}
"""The legal transitions."""


def may_become(state: State) -> frozenset[State]:
    """The states from which a job may become ``state``."""
    return frozenset(before for before, after in FOLLOWERS.items() if state in after)
