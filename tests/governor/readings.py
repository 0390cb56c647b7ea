"""Fake telemetry readings."""

from __future__ import annotations

from dataclasses import replace

from appliance.telemetry.reading import Reading

COOL = Reading(
    at=0.0,
    temperatures_c={},
    trip_points_c={},
    cpu_load=0.5,
    gpu_load=None,
    memory_total_mb=8000.0,
    memory_available_mb=4000.0,
    gpu_memory_mb=None,
    power_mw={},
    power_mode=None,
    fan_percent=None,
    throttled=False,
    throttle_events=0,
    disk_free_mb=1e5,
    disk_total_mb=1e6,
)


def warm_reading(at: float, temperature_c: float) -> Reading:
    """Return a reading whose ``cpu`` zone is at ``temperature_c`` and throttles at 99 °C."""
    trips = {"cpu": {"throttle": 99.0, "critical": 104.5}}
    return replace(
        COOL, at=at, temperatures_c={"cpu": temperature_c, "pmic": 40}, trip_points_c=trips
    )
