"""Whether the mouth follows: correlation of tracks, the lag at which it is best, and distance.

A lag is positive when the mouth is late. Lags are whole frames of the finer of the two tracks:
between frames a track would be interpolated, which smooths it and favours such lags unduly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MAX_LAG_S = 0.16
MIN_PAIRS = 12  # fewer say nothing
# A mouth that rests reads so much, in eye distances: below, there is no movement to correlate.
STILL_OPENING = 0.006
_ROUNDING = 1e-9  # the spread that equal numbers can seem to have


@dataclass(frozen=True)
class Correlation:
    """Pearson's ``r`` at zero lag, and the best one within ±160 ms with its lag in ms.

    All are ``None`` where one of the tracks does not move or is too short.
    """

    r: float | None
    best_r: float | None
    lag_ms: float | None


def correlate(
    values: npt.NDArray[np.floating],
    fps: float,
    other: npt.NDArray[np.floating],
    other_fps: float,
    *,
    still: float = STILL_OPENING,
    other_still: float = STILL_OPENING,
) -> Correlation:
    """Correlation of a track with another; value ``k`` is that of time ``k / fps``, NaN unknown.

    ``still`` and ``other_still`` are the standard deviations up to which a track does not move.
    """
    times = np.arange(len(values)) / fps
    step = 1.0 / max(fps, other_fps)
    reach = int(MAX_LAG_S / step + 1e-6)
    found: dict[int, float] = {}
    for lag in range(-reach, reach + 1):
        shifted = sampled(other, other_fps, times - lag * step)
        r = pearson(values, shifted, still, other_still)
        if r is not None:
            found[lag] = r
    if not found:
        return Correlation(None, None, None)
    # Equal ones: the smaller lag.
    best = min(found, key=lambda lag: (-found[lag], abs(lag)))
    return Correlation(found.get(0), found[best], round(1000 * best * step, 3))


def sampled(track: npt.NDArray[np.floating], fps: float, times: Array) -> Array:
    """``track`` at ``times`` in s, linear between two frames; NaN beyond it or beside a NaN."""
    place = times * fps
    low = np.floor(place + 1e-6).astype(np.int64)
    share = np.clip(place - low, 0.0, 1.0)
    share[share < 1e-6] = 0.0
    high = np.where(share > 0, low + 1, low)
    inside = (low >= 0) & (high < len(track))
    result = np.full(len(times), np.nan)
    here, there = track[low[inside]].astype(np.float64), track[high[inside]].astype(np.float64)
    result[inside] = here + share[inside] * (there - here)
    return result


def pearson(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    x_still: float = 0.0,
    y_still: float = 0.0,
) -> float | None:
    """Pearson's r of the pairs that are both known; ``None`` if they are few or do not vary."""
    known = np.isfinite(x) & np.isfinite(y)
    if int(known.sum()) < MIN_PAIRS:
        return None
    a, b = x[known].astype(np.float64), y[known].astype(np.float64)
    a_spread, b_spread = float(a.std()), float(b.std())
    if a_spread <= max(x_still, _ROUNDING) or b_spread <= max(y_still, _ROUNDING):
        return None
    return float(np.clip(((a - a.mean()) * (b - b.mean())).mean() / (a_spread * b_spread), -1, 1))


class LandmarkDistance:
    """LMD: mean distance of the lips' points to those of the reference, in the face frame.

    After Chen et al. 2018 (arXiv 1803.10404), in eye distances instead of pixels.
    """

    def __init__(self, frames: int) -> None:
        self.per_frame: npt.NDArray[np.float32] = np.full(frames, np.nan, np.float32)

    def add(self, index: int, lips: Array, reference: Array) -> None:
        """Take in the lips (40, 2) of frame ``index`` and those of the reference then."""
        self.per_frame[index] = np.linalg.norm(lips - reference, axis=-1).mean()

    @property
    def mean(self) -> float | None:
        """Over all frames in which both show a face; ``None`` if there is none."""
        known = self.per_frame[np.isfinite(self.per_frame)]
        return float(known.mean(dtype=np.float64)) if len(known) else None
