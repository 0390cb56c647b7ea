"""Pauses work before the device has to throttle, until it has cooled down."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.governor.situation import Situation
from appliance.jobs.record import Reason
from appliance.telemetry.reading import Reading

_PLAUSIBLE_C = 50.0


class Heat:
    """Pauses when a thermal zone comes within ``margin_c`` of its trip point.

    Work resumes when every zone is ``resume_c`` below its own trip point. Zones without trip points
    are ignored.
    """

    def __init__(self, margin_c: float, resume_c: float) -> None:
        self._margin_c = margin_c
        self._resume_c = max(resume_c, margin_c)
        self._resting = False

    def check(self, situation: Situation) -> Reason | None:
        """Return ``too_warm``, or ``None``."""
        nearest = None if situation.reading is None else _nearest(situation.reading)
        if nearest is None:
            self._resting = False
            return None
        headroom, zone, temperature = nearest
        self._resting = headroom < (self._resume_c if self._resting else self._margin_c)
        if not self._resting:
            return None
        resume = temperature + headroom - self._resume_c
        return Reason(
            "too_warm",
            {"zone": zone, "temperature": f"{temperature:.0f}", "resume": f"{resume:.0f}"},
        )


def _nearest(reading: Reading) -> tuple[float, str, float] | None:
    """Return headroom, name and °C of the zone that is nearest to its trip point."""
    return min(
        (
            (trip - temperature, zone, temperature)
            for zone, temperature in reading.temperatures_c.items()
            if (trip := _trip(reading.trips_c.get(zone, {}))) is not None
        ),
        default=None,
    )


def _trip(trips: Mapping[str, float]) -> float | None:
    """Return the temperature at which the clocks are lowered, or else the device switches off.

    Implausibly low trip points, which some drivers report, are ignored.
    """
    for kind in ("throttle", "critical"):
        if trips.get(kind, 0.0) >= _PLAUSIBLE_C:
            return trips[kind]
    return None
