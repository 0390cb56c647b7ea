"""Which mouth shapes a recording contains, and which ones are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import MOUTH_POINTS, mouth_opening

Array64 = npt.NDArray[np.float64]

_CORNERS = MOUTH_POINTS.index(61), MOUTH_POINTS.index(291)
# The openings are in eye distances, between the 5th and the 95th percentile; of 10 people in free
# speech, the smallest range is 0.036. The widths are those of the closed mouth times these factors;
# the 2nd and 98th percentiles of the same people are 0.89 to 0.96, and 1.04 to 1.32.
_MIN_OPENING_RANGE, _MAX_ROUNDED, _MIN_SPREAD = 0.03, 0.965, 1.02

OPEN, ROUNDED, SPREAD = "ah", "oh", "ee"


@dataclass(frozen=True)
class ShapeRange:
    """The openings and widths of a mouth while its owner speaks.

    ``openings`` are the 5th, 50th and 95th percentile in eye distances, ``widths`` the 2nd, 50th
    and 98th percentile relative to the closed mouth.
    """

    openings: tuple[float, float, float]
    widths: tuple[float, float, float]

    @classmethod
    def measure(cls, shapes: Array64, rest: Array64) -> ShapeRange:
        """Measure spoken mouth ``shapes`` (n, 57, 3), n > 0; ``rest`` (57, 3) is the closed one."""
        left, right = _CORNERS
        width = np.linalg.norm(shapes[:, left] - shapes[:, right], axis=1)
        width = width / max(float(np.linalg.norm(rest[left] - rest[right])), 1e-6)
        return cls(
            _percentiles(mouth_opening(shapes), (5, 50, 95)), _percentiles(width, (2, 50, 98))
        )

    @property
    def missing(self) -> list[str]:
        """The shapes that hardly occur: ``ah`` (open), ``oh`` (rounded), ``ee`` (spread)."""
        missing = []
        if self.openings[2] - self.openings[0] < _MIN_OPENING_RANGE:
            missing.append(OPEN)
        if self.widths[0] > _MAX_ROUNDED:
            missing.append(ROUNDED)
        if self.widths[2] < _MIN_SPREAD:
            missing.append(SPREAD)
        return missing


def _percentiles(values: Array64, which: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = (round(float(value), 4) for value in np.percentile(values, which))
    return low, middle, high
