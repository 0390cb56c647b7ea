"""Elapsed time that does not depend on the device's clock being right.

A device without a battery starts in 1970 until its clock is set, and a clock that was set
wrongly jumps by years. Waiting times, ages and limits are therefore measured with a clock that only
advances; a stored time of day is used just once, when it is read by a new process, and only if it
is plausible.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable
from pathlib import Path

MAX_GAP_S = 31 * 86_400.0
"""Longest plausible time in seconds between two moments at which the device was in use. A larger
difference, or a negative one, means that the clock was changed in between."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

Seconds = Callable[[], float]
"""A clock in seconds."""


def boot_time() -> float:
    """Return the seconds since the device was switched on: equal in all processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def read_boot_id(path: Path = _BOOT_ID) -> str:
    """Return the kernel's boot ID, which differs after every start; empty if there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:  # not Linux, or hidden by a sandbox
        return ""


def plausible_age_s(at: float, now: float) -> float:
    """Return the seconds from ``at`` to ``now``, or 0 if the clock was changed in between.

    Both are seconds since 1970.
    """
    age_s = now - at
    return age_s if 0 <= age_s <= MAX_GAP_S else 0.0


class ElapsedTimes:
    """The seconds since recorded times of day, measured from when this process first saw them.

    ``now`` returns seconds since 1970, ``monotonic`` seconds of a clock that only advances.
    """

    def __init__(self, now: Seconds, monotonic: Seconds) -> None:
        self._now, self._monotonic = now, monotonic
        self._origins: dict[Hashable, tuple[float, float]] = {}

    def since(self, key: Hashable, at: float) -> float:
        """Return the seconds since the event ``key`` that was recorded at ``at``.

        Another ``at`` for the same key is a new event.
        """
        recorded, origin = self._origins.get(key, (None, 0.0))
        if recorded != at:
            origin = self._monotonic() - plausible_age_s(at, self._now())
            self._origins[key] = at, origin
        return self._monotonic() - origin

    def keep(self, keys: Collection[Hashable]) -> None:
        """Forget all events except ``keys``."""
        self._origins = {key: value for key, value in self._origins.items() if key in keys}
