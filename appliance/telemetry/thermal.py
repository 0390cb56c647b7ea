"""Temperatures and trip points of the kernel's thermal zones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from appliance.system.sysfs import hwmon_folders, list_folders, read_number, read_text

_SUFFIX = re.compile(r"[-_](thermal|therm)$", re.IGNORECASE)
_TRIP = re.compile(r"trip_point_(\d+)_type$")
_TRIP_KINDS = {"passive": "throttle", "hot": "hot", "critical": "critical"}
# Types of cooling devices that lower clocks when they are active. Fans are cooling devices, too,
# and "hot-surface-alert" is only a warning.
_THROTTLING_TYPES = re.compile(r"cpufreq|devfreq|throttle-alert", re.IGNORECASE)


@dataclass(frozen=True)
class _Zone:
    name: str
    temperature: Path
    trips: dict[str, float]


class ThermalZones:
    """The thermal zones below ``root``, detected at creation; the values are read at each call."""

    def __init__(self, root: Path) -> None:
        self._zones: list[_Zone] = []
        base = root / "sys/devices/virtual/thermal"
        if not base.is_dir():
            base = root / "sys/class/thermal"
        used_names: set[str] = set()
        for folder in list_folders(base, "thermal_zone"):
            kind = read_text(folder / "type")
            if kind and "PMIC" not in kind:  # the PMIC zone of the TX2 is constant
                name = _unique_name(zone_name(kind), used_names)
                self._zones.append(_Zone(name, folder / "temp", _read_trip_points(folder)))
        for index, folder in enumerate(hwmon_folders(root).get("nvme", [])):
            name = f"nvme{index or ''}"
            critical = read_number(folder / "temp1_crit")
            trips = {} if critical is None else {"critical": critical / 1000}
            self._zones.append(_Zone(name, folder / "temp1_input", trips))
        self._cooling_states = [
            folder / "cur_state"
            for folder in list_folders(base, "cooling_device")
            if _THROTTLING_TYPES.search(read_text(folder / "type") or "")
        ]

    @property
    def trip_points_c(self) -> dict[str, dict[str, float]]:
        """Trip points in °C by zone and kind."""
        return {zone.name: zone.trips for zone in self._zones if zone.trips}

    def temperatures_c(self) -> tuple[dict[str, float], list[str]]:
        """Return the temperatures in °C by zone and the names of unreadable zones."""
        temperatures: dict[str, float] = {}
        unreadable: list[str] = []
        for zone in self._zones:
            value = read_number(zone.temperature)
            if value is None or value <= -255_000:  # older kernels report this for "off"
                unreadable.append(zone.name)
            else:
                temperatures[zone.name] = value / 1000
        return temperatures, unreadable

    def is_throttling(self) -> bool:
        """Return whether the kernel's thermal control throttles clocks now."""
        return any((read_number(path) or 0) > 0 for path in self._cooling_states)


def zone_name(kind: str) -> str:
    """Return the short name of a thermal zone.

    ``cpu-thermal`` (JetPack 6) and ``CPU-therm`` (JetPack 5) become ``cpu``.
    """
    return _SUFFIX.sub("", kind).lower()


def _unique_name(name: str, used_names: set[str]) -> str:
    """Return ``name``, numbered if it is in ``used_names``, to which the result is added."""
    candidate, count = name, 0
    while candidate in used_names:
        count += 1
        candidate = f"{name}{count}"
    used_names.add(candidate)
    return candidate


def _read_trip_points(zone: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for path in list_folders(zone, "trip_point_"):
        match = _TRIP.match(path.name)
        kind = _TRIP_KINDS.get(read_text(path) or "") if match else None
        at = read_number(zone / f"trip_point_{match[1]}_temp") if match and kind else None
        # Disabled trip points are at or below zero, or above any possible temperature.
        if kind and at is not None and 0 < at < 200_000:
            found[kind] = min(at / 1000, found.get(kind, at / 1000))
    return found
