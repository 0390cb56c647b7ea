"""One look at the machine."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields

_TOTALS = ("VDD_IN", "VIN", "POM_5V_IN")  # rails that measure the whole board's input


@dataclass(frozen=True)
class Reading:
    """What was measured at one moment; ``None`` means that this machine does not tell.

    ``at`` is seconds since 1970. Loads are shares of 1. ``temperatures_c`` and ``trips_c`` are by
    zone (``cpu``, ``gpu``, ``tj``, …); of a zone's trip points ``throttle`` is the lowest at which
    clocks are lowered, and ``hot`` and ``critical`` end in a warning and a shutdown. Memory and
    disk are in MiB; on a Jetson ``gpu_memory_mb`` is the part of the shared memory that NvMap
    holds. ``power_mw`` is by rail. ``throttled`` says that clocks are held down now, by evidence
    (heat alone is none); ``throttle_events`` counts the over-current events since the source was
    opened. ``disk_*`` is where the box's folders lie; ``disk_worn_percent`` is how much of its
    life a flash chip says is used, ``disk_written_mb`` what was written to it since the start.
    """

    at: float
    temperatures_c: dict[str, float]
    trips_c: dict[str, dict[str, float]]
    cpu_load: float
    gpu_load: float | None
    memory_total_mb: float
    memory_available_mb: float
    gpu_memory_mb: float | None
    power_mw: dict[str, float]
    power_mode: str | None
    fan_percent: float | None
    throttled: bool
    throttle_events: int
    disk_free_mb: float
    disk_total_mb: float
    cpu_mhz: float | None = None
    gpu_mhz: float | None = None
    fan_rpm: float | None = None
    swap_used_mb: float | None = None
    disk_worn_percent: float | None = None
    disk_written_mb: float | None = None
    unavailable: tuple[str, ...] = field(default=())
    """Sensors that are there and did not answer, as ``zone:cv0``."""

    @property
    def hottest(self) -> tuple[str, float] | None:
        """The zone nearest to its own throttle trip (85 °C where it names none), and its °C."""
        if not self.temperatures_c:
            return None
        zone = max(self.temperatures_c, key=lambda z: self.temperatures_c[z] - self._limit(z))
        return zone, self.temperatures_c[zone]

    @property
    def headroom_c(self) -> float | None:
        """Degrees between the hottest zone and its throttle trip; negative above it."""
        if self.hottest is None:
            return None
        zone, temperature = self.hottest
        return self._limit(zone) - temperature

    @property
    def total_power_mw(self) -> float | None:
        """The board's input rail where there is one, else the sum of all rails."""
        for rail in _TOTALS:
            if rail in self.power_mw:
                return self.power_mw[rail]
        return sum(self.power_mw.values()) if self.power_mw else None

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Reading:
        """What :meth:`to_json` wrote, by an older or newer version too.

        Raises ``ValueError`` for anything else.
        """
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("a reading is a JSON object")
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        known["unavailable"] = tuple(known.get("unavailable", ()))
        try:
            return cls(**known)
        except TypeError as error:
            raise ValueError(str(error)) from error

    def _limit(self, zone: str) -> float:
        trips = self.trips_c.get(zone, {})
        named = [trips[kind] for kind in ("throttle", "hot", "critical") if kind in trips]
        return min(named, default=_WARM_C)


_WARM_C = 85.0  # what is taken for warm where a zone names no trip points
