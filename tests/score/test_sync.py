"""Correlations and lags of synthetic tracks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.score.sync import (
    MIN_PAIRS,
    LandmarkDistance,
    correlate,
    pearson,
    sample_at,
)

Array = npt.NDArray[np.float64]


def speech(seconds: float, fps: float, late_s: float = 0.0) -> Array:
    """Return the same syllables at any frame rate, later by ``late_s``."""
    t = np.arange(round(seconds * fps)) / fps - late_s
    waves = [0.3 / k * np.sin(2 * np.pi * (0.7 + 1.1 * k) * t + k * k) for k in range(1, 5)]
    return np.asarray(0.1 + 0.1 * sum(waves), np.float64)


def noise(count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=count)


@pytest.mark.parametrize("seed", range(3))
def test_correlation_is_pearsons(seed: int) -> None:
    x = noise(80, seed)
    y = 0.5 * x + noise(80, seed + 10)
    assert pearson(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert pearson(x, 3 * x - 2) == pytest.approx(1)
    assert pearson(x, -x) == pytest.approx(-1)


def test_nan_values_are_ignored() -> None:
    x, y = noise(80), noise(80, 1)
    x[5:20], y[60:63] = np.nan, np.nan
    known = np.isfinite(x) & np.isfinite(y)
    assert pearson(x, y) == pytest.approx(np.corrcoef(x[known], y[known])[0, 1])


def test_still_or_short_tracks_have_no_correlation() -> None:
    x = noise(80)
    assert pearson(x, np.full(80, 0.2)) is None
    assert pearson(0.001 * x, x, x_still=0.006) is None
    assert pearson(x[: MIN_PAIRS - 1], x[: MIN_PAIRS - 1]) is None
    assert pearson(x, np.full(80, np.nan)) is None
    found = correlate(x, 25, np.full(80, 0.2), 25)
    assert (found.r, found.best_r, found.lag_ms) == (None, None, None)


@pytest.mark.parametrize("fps", [25.0, 30.0, 30000 / 1001, 60.0])
@pytest.mark.parametrize("frames", [-4, -1, 0, 2, 3])
def test_shift_of_whole_frames_is_found_exactly(fps: float, frames: int) -> None:
    base = noise(200)
    late = np.roll(base, frames)
    late[: max(frames, 0)] = late[len(late) + min(frames, 0) :] = np.nan
    found = correlate(late, fps, base, fps)
    assert found.lag_ms == pytest.approx(1000 * frames / fps, abs=1e-3)
    assert found.best_r == pytest.approx(1)
    if frames:
        assert found.r is not None
        assert found.r < 0.3


def test_lags_are_limited_to_160_ms() -> None:
    base = noise(200)
    found = correlate(np.roll(base, 5), 25, base, 25)  # 200 ms
    assert found.lag_ms is not None
    assert abs(found.lag_ms) <= 160
    assert found.best_r is not None
    assert found.best_r < 0.5


def test_smallest_of_equal_lags_is_preferred() -> None:
    wave = np.tile([0.0, 1.0], 60)  # equal at lags -4, -2, 0, 2, 4
    assert correlate(wave, 25, wave, 25).lag_ms == 0


@pytest.mark.parametrize(("fps", "other_fps"), [(25.0, 50.0), (50.0, 25.0), (25.0, 30.0)])
@pytest.mark.parametrize("late_ms", [-120, 0, 80])
def test_frame_rates_may_differ(fps: float, other_fps: float, late_ms: int) -> None:
    found = correlate(speech(8, fps, late_ms / 1000), fps, speech(8, other_fps), other_fps)
    assert found.lag_ms == pytest.approx(late_ms, abs=500 / max(fps, other_fps))
    assert found.best_r is not None
    assert found.best_r > 0.97  # the better lag may lie between two frames


def test_sampling_is_linear_and_nan_beyond_the_ends() -> None:
    track = np.array([0.0, 1.0, np.nan, 3.0, 5.0])
    at = sample_at(track, 10, np.array([-0.05, 0.0, 0.05, 0.1, 0.15, 0.3, 0.35, 0.4, 0.41]))
    truth = [np.nan, 0.0, 0.5, 1.0, np.nan, 3.0, 4.0, 5.0, np.nan]
    assert np.allclose(at, truth, equal_nan=True)


def test_landmark_distance_is_a_mean_of_lengths() -> None:
    distance = LandmarkDistance(10)
    assert distance.mean is None
    lips = np.random.default_rng(0).normal(size=(40, 2))
    distance.add(2, lips, lips)
    distance.add(3, lips + np.array([0.03, 0.04]), lips)
    assert distance.mean == pytest.approx(0.025, abs=1e-6)
    assert np.flatnonzero(np.isfinite(distance.per_frame)).tolist() == [2, 3]
