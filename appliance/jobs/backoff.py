"""Waiting times before a job is retried, and the number of attempts after which it fails.

Two kinds of events end an attempt without progress, and they are counted separately:

- *A fault*: the render process failed or was killed while the daemon kept running. The cause is
  the job or its input files; the job fails when it reaches the maximum number of such attempts.
- *An interruption*: the daemon or the whole device went down. The usual cause is a power cut, and a
  job that needs more time for its first chunk than the power lasts must not fail because of it. The
  cause may also be the job itself: a job that crashes the device must not do so forever.

The two causes of interruptions are separated by trial. After an interruption a job waits before it
is retried, longer each time, up to one hour; meanwhile the device runs other jobs or is idle. If
the device goes down while no suspected job is running, the suspected jobs were not the cause and
all counters are reset. Only a job during which the device goes down again and again, while it stays
up during the waiting times, reaches the maximum.
"""

from __future__ import annotations

INITIAL_BACKOFF_S, MAX_BACKOFF_S = 10.0, 3600.0

_FREE_INTERRUPTIONS = 2
"""Number of interruptions after which a job is still retried at once."""


def fault_backoff_s(attempts_without_progress: int) -> float:
    """Return the seconds to wait after ``attempts_without_progress`` attempts without progress.

    The time doubles with each attempt, from ``INITIAL_BACKOFF_S`` to ``MAX_BACKOFF_S``.
    """
    return min(
        INITIAL_BACKOFF_S * 2.0 ** min(max(attempts_without_progress - 1, 0), 30), MAX_BACKOFF_S
    )


def interruption_backoff_s(interruptions: int, max_attempts: int) -> float:
    """Return the seconds to wait after ``interruptions`` interruptions without progress.

    The first ``_FREE_INTERRUPTIONS`` interruptions cause no wait. After that, the time doubles with
    each interruption and reaches one hour at the last attempt before ``max_attempts``.
    """
    if interruptions <= min(_FREE_INTERRUPTIONS, max_attempts - 2):
        return 0.0
    return MAX_BACKOFF_S / 2.0 ** max(max_attempts - 1 - interruptions, 0)
