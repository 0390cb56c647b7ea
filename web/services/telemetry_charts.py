"""Telemetry of the last hours as data for the charts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from appliance.telemetry.reading import Reading
from appliance.telemetry.store import TelemetryStore, telemetry_path
from web.i18n import _

MAX_POINTS = 480
"""Maximum number of readings in a chart; a screen does not resolve more."""

PERIODS_H = (1, 6, 24)
"""Periods that the page offers, in hours."""

Value = Callable[[Reading], "float | None"]


def telemetry_since(root: Path, since: float) -> list[Reading]:
    """Return the readings since ``since`` (seconds since 1970), at most ``MAX_POINTS`` of them.

    Returns an empty list if there are none or if the file cannot be read.
    """
    path = telemetry_path(root)
    if not path.is_file():
        return []
    try:
        with TelemetryStore(path) as history:
            return history.since(since, MAX_POINTS)
    except (sqlite3.Error, OSError, ValueError):
        return []


def throttled_spans(root: Path, since: float) -> list[tuple[float, float]]:
    """Return the periods from ``since`` on in which the clocks were throttled.

    The cause is the temperature or the power limit. Each period is a pair of start and end, in
    seconds since 1970.
    """
    path = telemetry_path(root)
    if not path.is_file():
        return []
    try:
        with TelemetryStore(path) as history:
            return history.throttled_spans(since)
    except (sqlite3.Error, OSError, ValueError):
        return []


def build_charts(
    found: Sequence[Reading], throttled: Sequence[tuple[float, float]] = ()
) -> dict[str, Any]:
    """Return the readings as JSON-compatible chart data.

    ``{"times": [...], "throttled": [[from, to]], "charts": [{"id", "title", "unit", "series":
    [{"label", "values"}]}]}``. Times are in seconds since 1970; ``None`` among the values is a gap.
    Charts without any values are left out.
    """
    charts = [
        _chart("heat", _("Temperature"), "°C", _zones(found)),
        _chart(
            "load",
            _("Load"),
            "%",
            {
                _("CPU"): lambda r: 100 * r.cpu_load,
                _("GPU"): lambda r: None if r.gpu_load is None else 100 * r.gpu_load,
            },
        ),
        _chart(
            "memory",
            _("Memory in use"),
            "GB",
            {
                _("Total"): lambda r: (r.memory_total_mb - r.memory_available_mb) / 1024,
                _("GPU"): lambda r: _gb(r.gpu_memory_mb),
            },
        ),
        _chart("power", _("Power"), "W", {_("Entire board"): lambda r: _watts(r.total_power_mw)}),
    ]
    return {
        "times": [round(reading.at, 1) for reading in found],
        "throttled": [[round(start, 1), round(end, 1)] for start, end in throttled],
        "charts": [
            {**chart, "series": series}
            for chart in charts
            if (series := _with_values(chart["series"], found))
        ],
    }


def _chart(name: str, title: str, unit: str, series: dict[str, Value]) -> dict[str, Any]:
    return {"id": name, "title": title, "unit": unit, "series": series}


def _zones(found: Sequence[Reading]) -> dict[str, Value]:
    """Return one series for each thermal zone, at most the four with the highest peaks."""
    peaks: dict[str, float] = {}
    for reading in found:
        for zone, value in reading.temperatures_c.items():
            peaks[zone] = max(value, peaks.get(zone, value))
    hottest = sorted(peaks, key=lambda zone: -peaks[zone])[:4]

    def of(zone: str) -> Value:
        return lambda reading: reading.temperatures_c.get(zone)

    return {zone: of(zone) for zone in sorted(hottest)}


def _with_values(series: dict[str, Value], found: Sequence[Reading]) -> list[dict[str, Any]]:
    filled = []
    for label, value in series.items():
        values = [value(reading) for reading in found]
        if any(number is not None for number in values):
            rounded = [None if number is None else round(number, 2) for number in values]
            filled.append({"label": label, "values": rounded})
    return filled


def _gb(mb: float | None) -> float | None:
    return None if mb is None else mb / 1024


def _watts(mw: float | None) -> float | None:
    return None if mw is None else mw / 1000
