"""Measure how well predicted mouth movement follows the real one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import mouth_opening
from export_tools.phonetics.motion_data import OFFSET_S, RATE_HZ, Clip

Array64 = npt.NDArray[np.float64]
MAX_LAG_S = 0.16


def predicted_opening(
    clip: Clip, vectors: Array64, coefficients: npt.NDArray[np.floating], lag_s: float = 0.0
) -> Array64:
    """Return the opening at each video frame from coefficients (n, K) at 50 Hz.

    The coefficients are taken ``lag_s`` seconds later.
    """
    times = np.arange(len(clip.shapes)) / clip.fps - OFFSET_S + lag_s
    grid = np.arange(len(coefficients)) / RATE_HZ
    at = np.stack([np.interp(times, grid, column) for column in coefficients.T], axis=1)
    moved = np.tensordot(at, vectors, axes=1) * clip.amplitude
    return mouth_opening(clip.rest + moved)


def correlation(a: Array64, b: Array64) -> float:
    """Return Pearson's r; 0 if one of the signals is constant."""
    if a.std() < 1e-9 or b.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def correlate_opening(
    clip: Clip, vectors: Array64, coefficients: npt.NDArray[np.floating]
) -> tuple[float, float, float]:
    """Return r at zero lag, r at the best constant lag within ±160 ms, and this lag in seconds."""
    real = clip.opening()[clip.valid]
    lags = np.arange(-8, 9) * 0.02
    r = [
        correlation(real, predicted_opening(clip, vectors, coefficients, lag)[clip.valid])
        for lag in lags
    ]
    best = int(np.argmax(r))
    return r[len(lags) // 2], r[best], float(lags[best])


def median_scores(
    clips: Sequence[Clip], vectors: Array64, outputs: Sequence[npt.NDArray[np.floating]]
) -> dict[str, float]:
    """Return the medians over the clips of the results of :func:`correlate_opening`."""
    rows = np.array([correlate_opening(c, vectors, o) for c, o in zip(clips, outputs, strict=True)])
    zero, best, lag = np.median(rows, axis=0)
    return {"r": round(zero, 3), "best_r": round(best, 3), "lag_ms": round(1000 * lag)}
