"""Quiet hours: no work is done, so that the fan does not disturb a lesson."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.config import DAYS
from appliance.governor.rules import Conditions
from appliance.jobs.models import Reason

_DAY = 24 * 60
_WEEK = 7 * _DAY


@dataclass(frozen=True)
class QuietWindow:
    """A period of quiet hours that starts on each of ``days`` (0 is Monday).

    ``start`` and ``stop`` are minutes after midnight of that day; ``stop`` may be after the next
    midnight and is excluded.
    """

    days: frozenset[int]
    start: int
    stop: int

    @classmethod
    def parse(cls, text: str) -> QuietWindow:
        """Parse ``mon-fri 08:00-12:30``, ``sat,sun 22:00-06:00`` or, every day, ``12:00-13:00``.

        ``text`` must have been validated as the setting ``governor.quiet_hours``. A range of days
        may extend over the end of the week (``sat-mon``), and a range of hours over midnight; then
        it belongs to the day on which it begins. Equal hours mean a whole day.
        """
        days, _, hours = text.rpartition(" ")
        start, stop = (int(h) * 60 + int(m) for h, m in (t.split(":") for t in hours.split("-")))
        return cls(_parse_days(days), start, stop if stop > start else stop + _DAY)

    def minutes_left(self, minute: float) -> float | None:
        """Return the minutes until it ends, counted from ``minute`` of the week, or ``None``."""
        ends = [
            self.stop - since
            for day in self.days
            if (since := (minute - day * _DAY) % _WEEK) >= self.start and since < self.stop
        ]
        return max(ends, default=None)


def _parse_days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.split(",") if text else [f"{DAYS[0]}-{DAYS[-1]}"]:
        first, _, last = part.partition("-")
        day, end = DAYS.index(first), DAYS.index(last or first)
        days.add(day)
        while day != end:
            day = (day + 1) % 7
            days.add(day)
    return frozenset(days)


class QuietHoursRule:
    """Pauses work in ``windows``, by local time.

    ``localtime`` converts seconds since 1970 to local time.
    """

    def __init__(
        self,
        windows: Iterable[str],
        localtime: Callable[[float], time.struct_time] = time.localtime,
    ) -> None:
        self._windows = [QuietWindow.parse(window) for window in windows]
        self._localtime = localtime

    def check(self, conditions: Conditions) -> Reason | None:
        """Return ``quiet_hours``, or ``None``."""
        clock = self._localtime(conditions.now)
        now = clock.tm_wday * _DAY + clock.tm_hour * 60 + clock.tm_min + clock.tm_sec / 60
        # The end of one window may be inside the next.
        minutes, extended = 0.0, True
        while extended and minutes < _WEEK:
            more = max(
                (w.minutes_left((now + minutes) % _WEEK) or 0.0 for w in self._windows), default=0.0
            )
            minutes, extended = minutes + more, more > 0
        if not minutes:
            return None
        until = self._localtime(conditions.now + 60 * minutes)
        return Reason("quiet_hours", {"until": time.strftime("%Y-%m-%d %H:%M", until)})
