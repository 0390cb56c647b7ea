"""Where the pixels of a painted mouth come from: lips from a warp, the inside from where it was.

Positions are in patch fractions of the frame (wanted) and of the mouth that is painted (source).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.atlas.face_shape import CHIN_POINTS, LIPS, RING_ABOVE, RING_BELOW
from appliance.atlas.spline import Spline

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.floating]

_SMOOTHING = 2e-5
_ABOVE = np.array([0, *range(10, 20), 20, *range(30, 40)])
_BELOW = np.array([*range(11), *range(20, 31)])
# The inner lips from the person's right corner to the left, upper and lower.
_UPPER_EDGE = np.array([20, *range(39, 29, -1)])
_LOWER_EDGE = np.arange(20, 31)
_EDGE_POINTS = 33
_INSIDE_COLUMNS, _INSIDE_ROWS = 48, 32
_INSIDE_MARGIN = 0.015
# The inside is darkened as the mouth closes: less light comes in.
_SHADE_POWER, _MIN_SHADE, _SHADE_FLOOR, _LIT_GAP = 0.7, 0.25, 0.006, 0.05
_GAP_TO_MEAN = 1.3  # eye distances to a patch fraction


@dataclass(frozen=True)
class LipEdges:
    """The edges of the inner lips on common columns: ``x``, ``upper`` and ``lower`` (33,)."""

    x: Points
    upper: Points
    lower: Points

    @classmethod
    def of(cls, mouth: Points) -> LipEdges:
        """Return the edges of a mouth (57, 2)."""
        above, below = mouth[_UPPER_EDGE], mouth[_LOWER_EDGE]
        above, below = above[np.argsort(above[:, 0])], below[np.argsort(below[:, 0])]
        ends = min(above[0, 0], below[0, 0]), max(above[-1, 0], below[-1, 0])
        x = np.linspace(*ends, _EDGE_POINTS)
        upper = np.interp(x, above[:, 0], above[:, 1])
        lower = np.interp(x, below[:, 0], below[:, 1])
        middle, gap = (upper + lower) / 2, np.maximum(lower - upper, 0)
        return cls(x, middle - gap / 2, middle + gap / 2)

    def depth(self, points: Points) -> Array:
        """Return (…, 2): how far points are below the line between the lips, and within corners."""
        middle = np.interp(points[..., 0], self.x, (self.upper + self.lower) / 2)
        within = np.minimum(points[..., 0] - self.x[0], self.x[-1] - points[..., 0])
        return np.stack([points[..., 1] - middle, within], axis=-1).astype(np.float32)


@dataclass(frozen=True)
class LipWarp:
    """Displacements from wanted to source positions: of the upper lip and of the lower lip."""

    above: Spline
    below: Spline

    @classmethod
    def fit(cls, wanted: Points, ring: Points, source: Points, source_ring: Points) -> LipWarp:
        """Fit to mouths (57, 2) and the outer rings of skin (20, 2)."""
        lips, source_lips = wanted[LIPS], source[LIPS]
        above = Spline.fit(
            np.concatenate([lips[_ABOVE], ring[RING_ABOVE]]),
            np.concatenate([source_lips[_ABOVE], source_ring[RING_ABOVE]]),
            _SMOOTHING,
        )
        below = Spline.fit(
            np.concatenate([lips[_BELOW], wanted[CHIN_POINTS], ring[RING_BELOW]]),
            np.concatenate([source_lips[_BELOW], source[CHIN_POINTS], source_ring[RING_BELOW]]),
            _SMOOTHING,
        )
        return cls(above, below)


@dataclass(frozen=True)
class Inside:
    """The inside of a mouth: ``low`` and ``high`` (x, y) bound it in wanted positions.

    ``source`` (rows, columns, 2) are source positions, ``shade`` (rows, columns) in 0..1 darkens.
    """

    low: Points
    high: Points
    source: Array
    shade: Array


def find_inside(wanted: LipEdges, source: LipEdges) -> Inside:
    """Return where the inside between the ``wanted`` lips comes from.

    Teeth do not move with the lips, so it stays where it is in the head. Where the wanted lips
    reach beyond those of the source, it is shifted, and stretched as far as that is not enough.
    """
    low = np.array([wanted.x[0], wanted.upper.min()]) - _INSIDE_MARGIN
    high = np.array([wanted.x[-1], wanted.lower.max()]) + _INSIDE_MARGIN
    columns, rows = _INSIDE_COLUMNS, _INSIDE_ROWS
    x = low[0] + (np.arange(columns) + 0.5) / columns * (high[0] - low[0])
    y = low[1] + (np.arange(rows) + 0.5) / rows * (high[1] - low[1])
    source_x = _fit_into(x, wanted.x[0], wanted.x[-1], source.x[0], source.x[-1])
    top, bottom = (np.interp(x, wanted.x, edge) for edge in (wanted.upper, wanted.lower))
    source_top, source_bottom = (
        np.interp(source_x, source.x, edge) for edge in (source.upper, source.lower)
    )
    source_y = _fit_into(y[:, None], top, bottom, source_top, source_bottom)
    source_y = np.clip(source_y, source_top - 0.01, source_bottom + 0.01)
    gap, source_gap = (_GAP_TO_MEAN * np.maximum(b - a, 0)
                       for a, b in ((top, bottom), (source_top, source_bottom)))  # fmt: skip
    shade = (gap + _SHADE_FLOOR) / (np.minimum(source_gap, _LIT_GAP) + _SHADE_FLOOR)
    shade = np.clip(shade, _MIN_SHADE, 1) ** _SHADE_POWER
    shape = (rows, columns)
    places = np.stack([np.broadcast_to(source_x, shape), source_y], axis=-1)
    return Inside(
        low, high, places.astype(np.float32), np.broadcast_to(shade, shape).astype(np.float32)
    )


def _fit_into(
    value: Points, start: Points, stop: Points, source_start: Points, source_stop: Points
) -> npt.NDArray[np.float64]:
    """Map ``value`` so that start … stop lie within source_start … source_stop, moved least."""
    room, source_room = stop - start, source_stop - source_start
    scale = source_room / np.maximum(room, 1e-6)
    shift = np.maximum(source_start - start, 0) + np.minimum(source_stop - stop, 0)
    stretched = source_start + (value - start) * scale
    return np.asarray(np.where(scale < 1, stretched, value + shift), np.float64)
