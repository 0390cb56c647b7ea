"""Temperatures and trip points of the kernel's thermal zones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from appliance.telemetry.nodes import folders, hwmons, number, text

_SUFFIX = re.compile(r"[-_](thermal|therm)$", re.IGNORECASE)
_TRIP = re.compile(r"trip_point_(\d+)_type$")
_KINDS = {"passive": "throttle", "hot": "hot", "critical": "critical"}
# A cooling device in use whose type says that it takes clocks down; fans are cooling devices, too,
# and "hot-surface-alert" only warns.
_HOLDS_CLOCKS = re.compile(r"cpufreq|devfreq|throttle-alert", re.IGNORECASE)


@dataclass(frozen=True)
class _Zone:
    name: str
    temperature: Path
    trips: dict[str, float]


class Thermal:
    """The zones below ``root``, found once; what they say is read anew each time."""

    def __init__(self, root: Path) -> None:
        self._zones: list[_Zone] = []
        base = root / "sys/devices/virtual/thermal"
        if not base.is_dir():
            base = root / "sys/class/thermal"
        taken: set[str] = set()
        for folder in folders(base, "thermal_zone"):
            kind = text(folder / "type")
            if kind and "PMIC" not in kind:  # TX2's: a constant
                name = _free(zone_name(kind), taken)
                self._zones.append(_Zone(name, folder / "temp", _trips(folder)))
        for number_, folder in enumerate(hwmons(root).get("nvme", [])):
            name = f"nvme{number_ or ''}"
            critical = number(folder / "temp1_crit")
            trips = {} if critical is None else {"critical": critical / 1000}
            self._zones.append(_Zone(name, folder / "temp1_input", trips))
        self._coolers = [
            folder / "cur_state"
            for folder in folders(base, "cooling_device")
            if _HOLDS_CLOCKS.search(text(folder / "type") or "")
        ]

    @property
    def trips_c(self) -> dict[str, dict[str, float]]:
        """Trip points in °C by zone and kind."""
        return {zone.name: zone.trips for zone in self._zones if zone.trips}

    def temperatures_c(self) -> tuple[dict[str, float], list[str]]:
        """°C by zone, and the names of the zones that do not answer."""
        warm: dict[str, float] = {}
        silent: list[str] = []
        for zone in self._zones:
            value = number(zone.temperature)
            if value is None or value <= -255_000:  # how older kernels say "off"
                silent.append(zone.name)
            else:
                warm[zone.name] = value / 1000
        return warm, silent

    def clocks_held(self) -> bool:
        """Whether the kernel's thermal control holds clocks down at this moment."""
        return any((number(path) or 0) > 0 for path in self._coolers)


def zone_name(kind: str) -> str:
    """``cpu`` for ``cpu-thermal`` (JetPack 6) and for ``CPU-therm`` (JetPack 5)."""
    return _SUFFIX.sub("", kind).lower()


def _free(name: str, taken: set[str]) -> str:
    """``name``, or with the first free number behind it; remembered as taken."""
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}{count}"
    taken.add(candidate)
    return candidate


def _trips(zone: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for path in folders(zone, "trip_point_"):
        match = _TRIP.match(path.name)
        kind = _KINDS.get(text(path) or "") if match else None
        at = number(zone / f"trip_point_{match[1]}_temp") if match and kind else None
        # Trips that are switched off lie at or below zero, or beyond any silicon.
        if kind and at is not None and 0 < at < 200_000:
            found[kind] = min(at / 1000, found.get(kind, at / 1000))
    return found
