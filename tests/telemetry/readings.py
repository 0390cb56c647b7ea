"""Telemetry readings for tests."""

from __future__ import annotations

from dataclasses import replace

from appliance.telemetry.reading import Reading

PLAIN = Reading(
    at=0.0,
    temperatures_c={"cpu": 50.0, "gpu": 48.5},
    trip_points_c={"cpu": {"throttle": 99.0, "critical": 104.5}},
    cpu_load=0.5,
    gpu_load=0.25,
    memory_total_mb=7620.0,
    memory_available_mb=4000.0,
    gpu_memory_mb=512.0,
    power_mw={"VDD_IN": 7400.0},
    power_mode="15W",
    fan_percent=40.0,
    throttled=False,
    throttle_events=0,
    disk_free_mb=20000.0,
    disk_total_mb=60000.0,
)


def reading(at: float, **changes: object) -> Reading:
    """Return the reading ``PLAIN`` at ``at`` with some fields changed."""
    return replace(PLAIN, at=at, **changes)  # type: ignore[arg-type]
