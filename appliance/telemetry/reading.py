"""A telemetry reading of the device."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields

_TOTAL_RAILS = ("VDD_IN", "VIN", "POM_5V_IN")  # rails that measure the input of the whole board


@dataclass(frozen=True)
class Reading:
    """The values of all sensors at one time; ``None`` means that this machine has no such sensor.

    ``at`` is in seconds since 1970. Loads are in the range 0 to 1. ``temperatures_c`` and
    ``trip_points_c`` are in °C by zone (``cpu``, ``gpu``, ``tj``, …). Of the trip points of a zone,
    ``throttle`` is the lowest temperature at which clocks are lowered; ``hot`` causes a warning and
    ``critical`` a shutdown. Memory and disk sizes are in MiB; on a Jetson ``gpu_memory_mb`` is the
    part of the shared memory that NvMap has allocated. ``power_mw`` is in mW by rail. ``throttled``
    means that clocks are throttled now, not only that the temperature is high.
    ``throttle_events`` counts the over-current events since the source was opened. ``disk_*``
    describe the disk of the root folder: ``disk_wear_percent`` is the used part of the rated life
    of a flash disk, ``disk_written_mb`` is the amount of data written to it since boot.
    """

    at: float
    temperatures_c: dict[str, float]
    trip_points_c: dict[str, dict[str, float]]
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
    disk_wear_percent: float | None = None
    disk_written_mb: float | None = None
    unavailable: tuple[str, ...] = field(default=())
    """Sensors that exist but could not be read, such as ``zone:cv0``."""

    @property
    def hottest(self) -> tuple[str, float] | None:
        """The zone nearest to its lowest trip point (85 °C if it has none), and its °C."""
        if not self.temperatures_c:
            return None
        zone = max(self.temperatures_c, key=lambda z: self.temperatures_c[z] - self._trip_point(z))
        return zone, self.temperatures_c[zone]

    @property
    def headroom_c(self) -> float | None:
        """Degrees Celsius between the hottest zone and its trip point; negative above it."""
        if self.hottest is None:
            return None
        zone, temperature = self.hottest
        return self._trip_point(zone) - temperature

    @property
    def total_power_mw(self) -> float | None:
        """Power in mW of the board's input rail if there is one, else the sum of all rails."""
        for rail in _TOTAL_RAILS:
            if rail in self.power_mw:
                return self.power_mw[rail]
        return sum(self.power_mw.values()) if self.power_mw else None

    def to_json(self) -> str:
        """Return the reading as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Reading:
        """Parse a line written by :meth:`to_json` of this or another version of Lectern.

        Unknown fields are ignored. Raises ``ValueError`` for anything else.
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

    def _trip_point(self, zone: str) -> float:
        trips = self.trip_points_c.get(zone, {})
        named = [trips[kind] for kind in ("throttle", "hot", "critical") if kind in trips]
        return min(named, default=_DEFAULT_TRIP_POINT_C)


_DEFAULT_TRIP_POINT_C = 85.0  # the limit that is assumed for a zone without trip points
