from __future__ import annotations

import numpy as np

from appliance.atlas.spline import Spline


def test_knots_are_moved_exactly_and_the_inverse_leads_back() -> None:
    rng = np.random.default_rng(0)
    knots = rng.uniform(0, 1, (30, 2))
    moved = knots + rng.normal(0, 0.01, (30, 2))
    spline = Spline.fit(knots, moved, 0.0)
    assert np.allclose(knots + spline(knots), moved, atol=2e-5)
    points = rng.uniform(0.2, 0.8, (50, 2))
    assert np.allclose(spline.inverse(points + spline(points), 12), points, atol=2e-3)


def test_an_affine_map_is_reproduced_everywhere() -> None:
    knots = np.random.default_rng(1).uniform(0, 1, (12, 2))
    matrix, shift = np.array([[1.1, 0.1], [-0.2, 0.9]]), np.array([0.1, -0.05])
    spline = Spline.fit(knots, knots @ matrix.T + shift, 1e-4)
    points = np.random.default_rng(2).uniform(-1, 2, (3, 4, 2))
    assert np.allclose(points + spline(points), points @ matrix.T + shift, atol=1e-3)


def test_smoothing_gives_up_exactness() -> None:
    rng = np.random.default_rng(3)
    knots, moved = rng.uniform(0, 1, (2, 20, 2))
    exact, smooth = (Spline.fit(knots, moved, value) for value in (0.0, 1.0))
    assert np.abs(knots + smooth(knots) - moved).max() > np.abs(knots + exact(knots) - moved).max()
