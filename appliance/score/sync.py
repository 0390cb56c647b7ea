"""Measure sync: correlation of two tracks, the lag at which it is best, and landmark distance.

A lag is positive when the mouth is late. Lags are whole frames of the finer of the two tracks:
interpolating a track between frames would smooth it and so favour fractional lags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MAX_LAG_S = 0.16
MIN_PAIRS = 12  # fewer pairs are not conclusive
# Spread of the opening of a resting mouth, in eye distances: below it there is no movement to
# correlate.
STILL_OPENING = 0.006
_MIN_SPREAD = 1e-9  # spread that equal numbers may appear to have


@dataclass(frozen=True)
class Correlation:
    """Pearson's ``r`` at zero lag, and the best one within ±160 ms with its lag in ms.

    All are ``None`` if one of the tracks does not move or is too short.
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
    """Correlate two tracks; value ``k`` of a track is at ``k / fps`` seconds, NaN is unknown.

    ``still`` and ``other_still`` are the standard deviations up to which a track counts as
    constant.
    """
    times = np.arange(len(values)) / fps
    step = 1.0 / max(fps, other_fps)
    reach = int(MAX_LAG_S / step + 1e-6)
    found: dict[int, float] = {}
    for lag in range(-reach, reach + 1):
        shifted = sample_at(other, other_fps, times - lag * step)
        r = pearson(values, shifted, still, other_still)
        if r is not None:
            found[lag] = r
    if not found:
        return Correlation(None, None, None)
    # Of equal correlations, take the one with the smallest lag.
    best = min(found, key=lambda lag: (-found[lag], abs(lag)))
    return Correlation(found.get(0), found[best], round(1000 * best * step, 3))


def sample_at(track: npt.NDArray[np.floating], fps: float, times: Array) -> Array:
    """Return ``track`` at ``times`` (seconds), interpolated linearly between frames.

    NaN beyond its ends and beside a NaN.
    """
    position = times * fps
    low = np.floor(position + 1e-6).astype(np.int64)
    share = np.clip(position - low, 0.0, 1.0)
    share[share < 1e-6] = 0.0
    high = np.where(share > 0, low + 1, low)
    inside = (low >= 0) & (high < len(track))
    result = np.full(len(times), np.nan)
    before, after = track[low[inside]].astype(np.float64), track[high[inside]].astype(np.float64)
    result[inside] = before + share[inside] * (after - before)
    return result


def pearson(
    x: npt.NDArray[np.floating],
    y: npt.NDArray[np.floating],
    x_still: float = 0.0,
    y_still: float = 0.0,
) -> float | None:
    """Return Pearson's r of the pairs in which both values are known.

    Returns ``None`` if there are too few or they do not vary.
    """
    known = np.isfinite(x) & np.isfinite(y)
    if int(known.sum()) < MIN_PAIRS:
        return None
    a, b = x[known].astype(np.float64), y[known].astype(np.float64)
    a_spread, b_spread = float(a.std()), float(b.std())
    if a_spread <= max(x_still, _MIN_SPREAD) or b_spread <= max(y_still, _MIN_SPREAD):
        return None
    return float(np.clip(((a - a.mean()) * (b - b.mean())).mean() / (a_spread * b_spread), -1, 1))


class LandmarkDistance:
    """LMD: mean distance of the lips' points from those of the reference, in the face frame.

    According to Chen et al. 2018 (arXiv 1803.10404), but in eye distances instead of pixels.
    """

    def __init__(self, frames: int) -> None:
        self.per_frame: npt.NDArray[np.float32] = np.full(frames, np.nan, np.float32)

    def add(self, index: int, lips: Array, reference: Array) -> None:
        """Add the lips (40, 2) of frame ``index`` and those of the reference at that time."""
        self.per_frame[index] = np.linalg.norm(lips - reference, axis=-1).mean()

    @property
    def mean(self) -> float | None:
        """Mean over all frames in which both show a face; ``None`` if there are none."""
        known = self.per_frame[np.isfinite(self.per_frame)]
        return float(known.mean(dtype=np.float64)) if len(known) else None
