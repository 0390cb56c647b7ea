"""Keeps disk space free, and resumes after a full disk once there is more space.

Nothing is deleted here, because the files belong to users.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.governor.situation import Situation
from appliance.jobs.record import Reason

MORE_MB = 32.0
"""Additional free space in MiB required after the disk was found full."""

ANYWAY_S = 900.0
"""Seconds after which work is tried again in any case: a quota may have been raised, which is not
visible as free space."""


class Disk:
    """Requires ``min_free_mb`` to start a job, and a quarter of it to continue.

    ``find_free`` returns the free space, in MiB, of the fuller of the file systems written to.
    """

    def __init__(self, min_free_mb: float, find_free: Callable[[], float]) -> None:
        self._min_free_mb = min_free_mb
        self._find_free = find_free
        self._was_full: tuple[float, float] | None = None

    def found_full(self, now: float) -> None:
        """Record that a write has failed for lack of space."""
        self._was_full = now, self._find_free()

    def check(self, situation: Situation) -> Reason | None:
        """Return ``low_space``, or ``None``."""
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
