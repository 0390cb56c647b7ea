"""Telemetry source for machines other than a Jetson, based on psutil."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from appliance.telemetry.disk import Disk
from appliance.telemetry.reading import Reading

_MB = 1 << 20


class HostSource:
    """Telemetry source of a PC; ``folder`` is the root folder, the disk of which is measured."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._disk = Disk(folder, Path("/"))
        psutil.cpu_percent()  # the first result is meaningless

    def __call__(self) -> Reading:
        """Read every sensor once."""
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        free, total = self._disk.space_mb()
        temperatures, trips = _temperatures()
        return Reading(
            at=self._now(),
            temperatures_c=temperatures,
            trip_points_c=trips,
            cpu_load=psutil.cpu_percent() / 100,
            gpu_load=None,
            memory_total_mb=memory.total / _MB,
            memory_available_mb=memory.available / _MB,
            gpu_memory_mb=None,
            power_mw={},
            power_mode=None,
            fan_percent=None,
            throttled=False,
            throttle_events=0,
            disk_free_mb=free,
            disk_total_mb=total,
            cpu_mhz=_cpu_mhz(),
            swap_used_mb=swap.used / _MB,
            disk_wear_percent=self._disk.wear_percent(),
            disk_written_mb=self._disk.written_mb(),
        )


def _temperatures() -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return the temperature of the warmest sensor of each chip and its limits, all in °C."""
    try:
        chips = psutil.sensors_temperatures()
    except (AttributeError, OSError):  # not on every system
        return {}, {}
    temperatures: dict[str, float] = {}
    trips: dict[str, dict[str, float]] = {}
    for chip, sensors in chips.items():
        warmest = max(sensors, key=lambda sensor: sensor.current)
        temperatures[chip] = float(warmest.current)
        limits = {"hot": warmest.high, "critical": warmest.critical}
        named = {kind: float(at) for kind, at in limits.items() if at and at < 200}
        if named:
            trips[chip] = named
    return temperatures, trips


def _cpu_mhz() -> float | None:
    try:
        clock = psutil.cpu_freq()
    except (AttributeError, OSError, RuntimeError):
        return None
    return float(clock.current) if clock else None
