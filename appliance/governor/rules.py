"""Keeps disk space free, and resumes after a full disk once there is more space.

Nothing is deleted here, because the files belong to users.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from appliance.jobs.models import Reason
from appliance.telemetry.reading import Reading

RESUME_MARGIN_MB = 32.0
"""Additional free space in MiB required after the disk was found full."""

RETRY_AFTER_S = 900.0
"""Seconds after which work is tried again in any case: a quota may have been raised, which is not
visible as free space."""


class DiskRule:
    """Requires ``min_free_disk_mb`` to start a job, and a quarter of it to continue.

    ``find_free_mb`` returns the free space, in MiB, of the fuller of the file systems written to,
    ``monotonic`` the seconds of a clock that only advances.
    """

    def __init__(
        self,
        min_free_disk_mb: float,
        find_free_mb: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._min_free_mb = min_free_disk_mb
        self._find_free_mb = find_free_mb
        self._monotonic = monotonic
        self._was_full: tuple[float, float] | None = None

    def note_disk_full(self) -> None:
        """Record that a write has failed for lack of space."""
        self._was_full = self._monotonic(), self._find_free_mb()

    def check(self, conditions: Conditions) -> Reason | None:
        """Return ``low_disk_space``, or ``None``."""
        free = self._find_free_mb()
        if conditions.job_running:
            needed = self._min_free_mb / 4
        else:
            needed = max(self._min_free_mb, self._needed_after_full())
        if free >= needed:
            if not conditions.job_running:
                self._was_full = None
            return None
        shown = max(needed, self._min_free_mb)
        return Reason("low_disk_space", {"free": f"{free:.0f}", "needed": f"{shown:.0f}"})

    def _needed_after_full(self) -> float:
        if self._was_full is None or self._monotonic() - self._was_full[0] >= RETRY_AFTER_S:
            return 0.0
        return self._was_full[1] + RESUME_MARGIN_MB


_MIN_TRIP_C = 50.0  # lower trip points are implausible


class HeatRule:
    """Pauses when a thermal zone comes within ``pause_margin_c`` of its trip point.

    Work resumes when every zone is ``resume_margin_c`` below its own trip point. Zones without trip
    points are ignored.
    """

    def __init__(self, pause_margin_c: float, resume_margin_c: float) -> None:
        self._pause_margin_c = pause_margin_c
        self._resume_margin_c = max(resume_margin_c, pause_margin_c)
        self._pausing = False

    def check(self, conditions: Conditions) -> Reason | None:
        """Return ``too_hot``, or ``None``."""
        nearest = None if conditions.reading is None else _nearest_to_trip(conditions.reading)
        if nearest is None:
            self._pausing = False
            return None
        headroom, zone, temperature = nearest
        self._pausing = headroom < (
            self._resume_margin_c if self._pausing else self._pause_margin_c
        )
        if not self._pausing:
            return None
        resume = temperature + headroom - self._resume_margin_c
        return Reason(
            "too_hot",
            {"zone": zone, "temperature": f"{temperature:.0f}", "resume": f"{resume:.0f}"},
        )


def _nearest_to_trip(reading: Reading) -> tuple[float, str, float] | None:
    """Return headroom, name and °C of the zone that is nearest to its trip point."""
    return min(
        (
            (trip - temperature, zone, temperature)
            for zone, temperature in reading.temperatures_c.items()
            if (trip := _trip_point(reading.trip_points_c.get(zone, {}))) is not None
        ),
        default=None,
    )


def _trip_point(trips: Mapping[str, float]) -> float | None:
    """Return the temperature at which the clocks are lowered, or else the device switches off.

    Implausibly low trip points, which some drivers report, are ignored.
    """
    for kind in ("throttle", "critical"):
        if trips.get(kind, 0.0) >= _MIN_TRIP_C:
            return trips[kind]
    return None


class MemoryRule:
    """Requires ``start_mb`` of available memory to start a job, and ``running_mb`` to continue."""

    def __init__(self, start_mb: float, running_mb: float) -> None:
        self._start_mb = start_mb
        self._running_mb = min(running_mb, start_mb)

    def check(self, conditions: Conditions) -> Reason | None:
        """Return ``low_memory``, or ``None``."""
        if conditions.reading is None:
            return None
        free = conditions.reading.memory_available_mb
        if free >= (self._running_mb if conditions.job_running else self._start_mb):
            return None
        return Reason("low_memory", {"free": f"{free:.0f}", "needed": f"{self._start_mb:.0f}"})


class PreviewRule:
    """Pauses the current job while a preview is requested (``preview_requested`` returns True).

    Without a current job, no hold is necessary: the worker makes previews before it starts jobs.
    """

    def __init__(self, preview_requested: Callable[[], bool]) -> None:
        self._preview_requested = preview_requested

    def check(self, conditions: Conditions) -> Reason | None:
        """Return ``preview_pending``, or ``None``."""
        return (
            Reason("preview_pending")
            if conditions.job_running and self._preview_requested()
            else None
        )


@dataclass(frozen=True)
class Conditions:
    """The conditions that the rules check.

    ``now`` is seconds since 1970; ``reading`` is ``None`` if there is no current telemetry;
    ``job_running`` says whether there is a current job, which costs more to stop than not to start.
    """

    now: float
    reading: Reading | None
    job_running: bool


class Rule(Protocol):
    """A rule that may pause the work."""

    def check(self, conditions: Conditions) -> Reason | None:
        """Return the reason why no work may be done now, or ``None``."""
        ...
