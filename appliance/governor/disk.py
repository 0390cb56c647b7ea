"""Leave room on the disk, and after it was full go on by itself when there is more.

Nothing is deleted here: what is on the disk belongs to people.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.governor.situation import Situation
from appliance.jobs.record import Reason

MORE_MB = 32.0
"""So much more must be free than when the disk was found full."""

ANYWAY_S = 900.0
"""After so long it is tried again all the same: a quota may have been raised unseen."""


class Disk:
    """A job needs ``min_free_mb`` to be begun, and a quarter of it to go on.

    ``find_free`` measures, in MiB, the fuller one of the file systems that are written to.
    """

    def __init__(self, min_free_mb: float, find_free: Callable[[], float]) -> None:
        self._min_free_mb = min_free_mb
        self._find_free = find_free
        self._was_full: tuple[float, float] | None = None

    def found_full(self, now: float) -> None:
        """A write has failed for want of space."""
        self._was_full = now, self._find_free()

    def check(self, situation: Situation) -> Reason | None:
        """``low_space``, or ``None``."""
        free = self._find_free()
        if situation.working:
            needed = self._min_free_mb / 4
        else:
            needed = max(self._min_free_mb, self._after_full(situation.now))
        if free >= needed:
            if not situation.working:
                self._was_full = None
            return None
        shown = max(needed, self._min_free_mb)
        return Reason("low_space", {"free": f"{free:.0f}", "needed": f"{shown:.0f}"})

    def _after_full(self, now: float) -> float:
        if self._was_full is None or not 0 <= now - self._was_full[0] < ANYWAY_S:
            return 0.0
        return self._was_full[1] + MORE_MB
