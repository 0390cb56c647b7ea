"""Log refused connections: once in a while for each address, with their number.

A line for each would fill the log and push out what matters.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

log = logging.getLogger("lectern.panel")

INTERVAL_S = 60.0
"""Shortest time between two lines about the same address."""

MAX_ADDRESSES = 20
"""Lines that are written within ``INTERVAL_S`` seconds."""


class RefusalLog:
    """Counts refusals by address and reason. ``now`` returns monotonic seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._counts: Counter[tuple[str, str]] = Counter()
        self._logged: dict[tuple[str, str], float] = {}

    def add(self, address: str, reason: str) -> None:
        """Count a refusal."""
        if (address, reason) in self._counts or len(self._counts) < 10 * MAX_ADDRESSES:
            self._counts[address, reason] += 1

    def write(self) -> None:
        """Write what is due. Must be called regularly."""
        now = self._now()
        self._logged = {key: at for key, at in self._logged.items() if now - at < INTERVAL_S}
        for key in [key for key in self._counts if key not in self._logged]:
            if len(self._logged) >= MAX_ADDRESSES:
                break
            self._logged[key] = now
            address, reason = key
            log.warning("refused %s: %d %s", address, self._counts.pop(key), reason)
