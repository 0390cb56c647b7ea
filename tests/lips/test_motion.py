from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.lips.geometry import SPEECH_WEIGHTS
from appliance.lips.motion import Motion, MotionBasis

Array = npt.NDArray[np.float32]


def test_frames_are_interpolated_and_constant_beyond_the_ends() -> None:
    motion = Motion.of_lecture(
        np.array([[0.0], [1.0], [2.0]], np.float32), rate_hz=50.0, offset_s=0.0
    )
    values = motion.at_frames(Fraction(100), 0, 8)[:, 0]
    np.testing.assert_allclose(values, [0, 0.5, 1, 1.5, 2, 2, 2, 2], atol=1e-6)


def test_frames_do_not_depend_on_chunk_boundaries(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Motion.of_lecture(rng.normal(size=(500, 8)).astype(np.float32), 50.0, 0.01).save(
        tmp_path / "m.npy"
    )
    motion = Motion.load(tmp_path / "m.npy", 50.0, 0.01)
    rate = Fraction(30000, 1001)
    whole = motion.at_frames(rate, 0, 250)
    parts = np.concatenate([motion.at_frames(rate, a, a + 50) for a in range(0, 250, 50)])
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("samples", [1, 2, 3, 500])
@pytest.mark.parametrize("offset", [-0.03, 0.0, 0.4])
def test_part_equals_the_whole(samples: int, offset: float) -> None:
    rng = np.random.default_rng(samples)
    whole = Motion.of_lecture(rng.normal(size=(samples, 4)).astype(np.float32), 50.0, offset)
    rate = Fraction(30000, 1001)
    for start, stop in [(0, 1), (0, 50), (149, 250), (250, 330), (329, 330)]:
        part = whole.part(rate, start, stop)
        assert len(part.values) <= (stop - start) * 50 / float(rate) + 4
        wanted = whole.at_frames(rate, start, stop)
        np.testing.assert_array_equal(part.at_frames(rate, start, stop), wanted)
        frames = [part.at_frames(rate, t, t + 1)[0] for t in range(start, stop)]
        np.testing.assert_array_equal(np.stack(frames), wanted)


def test_coefficients_ignore_points_without_speech_weight() -> None:
    rng = np.random.default_rng(1)
    vectors, _ = np.linalg.qr(rng.normal(size=(57 * 3, 4)))
    basis = MotionBasis(np.ascontiguousarray(vectors.T).reshape(4, 57, 3))
    wanted = np.array([0.1, -0.2, 0.05, 0.0])
    moved = np.tensordot(wanted, basis.vectors, axes=1)
    still = np.flatnonzero(SPEECH_WEIGHTS == 0)
    moved[still] += rng.normal(size=(len(still), 3))
    np.testing.assert_allclose(basis.coefficients(moved), wanted, atol=1e-9)
    assert not basis.displacement(wanted)[still].any()
