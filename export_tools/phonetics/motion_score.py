"""Measure how well predicted mouth movement follows the real one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import mouth_opening
from export_tools.phonetics.motion_data import OFFSET_S, RATE_HZ, Clip

Array64 = npt.NDArray[np.float64]


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
