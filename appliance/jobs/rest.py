"""How long a job rests before it is tried again, and when it has been tried enough.

Two things end an attempt without progress, and they are counted apart:

- *A fault*: the rendering ended by itself, or died, while the daemon lived. That is the job's
  doing (or its material's), and at the cap of such attempts it has failed.
- *An interruption*: the daemon, or the whole box, went down. Mostly that is the power, and a job
  that needs longer to get anywhere than the power lasts must not fail for it. But it may be the
  job: one that brings the box down must not do so for ever.

The two kinds of interruption are told apart by trial. A job that was interrupted rests, longer
each time, up to an hour, while the box works on other jobs or idles. If the box goes down
meanwhile, with no suspect in hand, it was not the job: every suspicion is dropped. Only a job over
which the box goes down time and again, while it stays up through all the rests between, comes to
the cap.
"""

from __future__ import annotations

FIRST_S, LONGEST_S = 10.0, 3600.0

_FREE = 2
"""So many interruptions are not even suspicious."""


def after_fault(idle_attempts: int) -> float:
    """Seconds of rest after so many attempts without progress: twice as long each time."""
    return min(FIRST_S * 2.0 ** min(max(idle_attempts - 1, 0), 30), LONGEST_S)


def after_interruption(interruptions: int, cap: int) -> float:
    """Seconds of rest after so many interruptions without progress: twice as long each time, an
    hour the last time before ``cap``."""
    if interruptions <= min(_FREE, cap - 2):
        return 0.0
    return LONGEST_S / 2.0 ** max(cap - 1 - interruptions, 0)
