"""Estimates how long a job takes on this device, based on finished jobs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from statistics import median
from typing import Any

from appliance.jobs.record import Job

_LAST = 5


def seconds_a_pixel(jobs: Iterable[Job]) -> float | None:
    """Return the median seconds of work per pixel and frame of the ``_LAST`` latest ``jobs``.

    ``jobs`` must begin with the newest. Returns ``None`` if no job has a report any more.
    """
    paces: list[float] = []
    for job in jobs:
        if len(paces) == _LAST:
            break
        try:
            report = json.loads(job.report.read_bytes()) if job.report else {}
            made = report["output"]
            paces.append(report["wall_s"] / (made["frames"] * made["width"] * made["height"]))
        except (OSError, ValueError, LookupError, TypeError, ZeroDivisionError):
            continue
    return median(paces) if paces else None


def estimate_s(look: dict[str, Any], pace: float | None) -> int | None:
    """Estimate the seconds of work after a check; ``None`` if this device has no finished job.

    ``look`` is the result of the check, ``pace`` that of :func:`seconds_a_pixel`.
    """
    if pace is None or look.get("lecture_s") is None:
        return None
    pixels = look["lecture_s"] * look["fps"] * look["width"] * look["height"]
    return round(pace * float(pixels))
