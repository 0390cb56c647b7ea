"""Prevents starting a job when memory is short, and stops it before the kernel kills it."""

from __future__ import annotations

from appliance.governor.situation import Situation
from appliance.jobs.record import Reason


class Memory:
    """Requires ``start_mb`` of available memory to start a job, and ``low_mb`` to continue."""

    def __init__(self, start_mb: float, low_mb: float) -> None:
        self._start_mb = start_mb
        self._low_mb = min(low_mb, start_mb)

    def check(self, situation: Situation) -> Reason | None:
        """Return ``low_memory``, or ``None``."""
        if situation.reading is None:
            return None
        free = situation.reading.memory_available_mb
        if free >= (self._low_mb if situation.working else self._start_mb):
            return None
        return Reason("low_memory", {"free": f"{free:.0f}", "needed": f"{self._start_mb:.0f}"})
