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


class JobState(str, Enum):
    """The state of a job. The values are stored in the database."""

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobRequest(str, Enum):
    """A user's request to a running job, which the worker applies after the current chunk."""

    CANCEL = "cancel"
    PAUSE = "pause"


FINAL_STATES = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
"""Final states: neither the worker nor the inbox scan changes such a job any more."""

TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.WAITING: frozenset({JobState.QUEUED, JobState.FAILED, JobState.CANCELLED}),
    JobState.QUEUED: frozenset(
        {JobState.RUNNING, JobState.PAUSED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.RUNNING: frozenset({JobState.QUEUED, JobState.PAUSED}) | FINAL_STATES,
    JobState.PAUSED: frozenset({JobState.QUEUED, JobState.CANCELLED}),
    JobState.DONE: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
}
"""The states that may follow each state."""


def states_before(state: JobState) -> frozenset[JobState]:
    """Return the states from which a job may change to ``state``."""
    return frozenset(before for before, after in TRANSITIONS.items() if state in after)
