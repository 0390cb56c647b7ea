"""The linear motion: every tap sees its own step, and blocks of any size give the same result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.lips.speech_motion import SpeechMotion, apply_scores, widen_gate

TAPS = np.array([-4, 0, 3])


@pytest.fixture
def motion() -> SpeechMotion:
    rng = np.random.default_rng(3)
    matrices = rng.normal(size=(3, 6, 2)).astype(np.float16).astype(np.float32)
    bias, wide = np.array([0.5, -1.0], np.float32), np.array([0.1, 0.0], np.float32)
    return SpeechMotion(matrices, TAPS, bias, wide)


def test_equals_its_definition(motion: SpeechMotion) -> None:
    features = np.random.default_rng(1).normal(size=(20, 6)).astype(np.float32)
    values = np.concatenate(list(motion.predict([features])))
    assert values.shape == (20, 2) and values.dtype == np.float32
    for step in range(20):
        expected = motion.bias.astype(np.float64)
        for tap, matrix in zip(TAPS, motion.matrices, strict=True):
            expected = expected + features[np.clip(step + tap, 0, 19)] @ matrix
        assert np.allclose(values[step], expected, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_block_size_does_not_matter(motion: SpeechMotion, size: int) -> None:
    features = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    blocks = (features[start : start + size] for start in range(0, 50, size))
    parts = list(motion.predict(blocks))
    whole = np.concatenate(list(motion.predict([features])))
    assert np.allclose(np.concatenate(parts), whole, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_audio_shorter_than_the_taps(motion: SpeechMotion, count: int) -> None:
    features = np.ones((count, 6), np.float32)
    values = np.concatenate(list(motion.predict([features])))
    assert values.shape == (count, 2)
    assert np.allclose(values, motion.matrices.sum((0, 1)) + motion.bias, atol=1e-5)


def test_no_features_no_motion(motion: SpeechMotion) -> None:
    assert list(motion.predict([])) == []
    assert list(motion.predict([np.zeros((0, 6), np.float32)])) == []


def test_saved_motion_is_read_back(motion: SpeechMotion, tmp_path: Path) -> None:
    motion.save(tmp_path / "motion.npz")
    read = SpeechMotion.load(tmp_path / "motion.npz")
    assert np.array_equal(read.matrices, motion.matrices)
    assert np.array_equal(read.taps, TAPS)
    assert np.array_equal(read.bias, motion.bias) and np.array_equal(read.wide, motion.wide)


def values(shut: list[float], speech: list[float]) -> np.ndarray:
    """Coefficients of one, with these scores."""
    return np.column_stack([np.ones((len(shut), 2)), shut, speech]).astype(np.float32)


OPEN = np.ones(7, np.float32)


def test_lips_close_for_p_b_and_m() -> None:
    closed = apply_scores(values([0, 0, 1, 1, 1, 0, 0], [1] * 7), OPEN)
    assert closed.shape == (7, 2) and closed.dtype == np.float32
    assert np.allclose(closed[:, 0], [1, 0.75, 0.25, 0, 0.25, 0.75, 1], atol=1e-6)


def test_the_mouth_rests_without_speech() -> None:
    resting = apply_scores(values([0] * 4, [-0.5, 0.1, 0.25, 2.0]), OPEN[:4])
    assert np.allclose(resting[:, 0], [0, 0, 0.5, 1], atol=1e-6)


def test_closed_lips_at_the_ends_stay_closed_as_far_as_known() -> None:
    closed = apply_scores(values([1, 1, 1], [1, 1, 1]), OPEN[:3])
    assert np.allclose(closed[:, 1], [0.25, 0, 0.25], atol=1e-6)


def test_the_mouth_rests_far_from_sound() -> None:
    gate = np.array([0, 0.5, 1], np.float32)
    resting = apply_scores(values([0, 0, 0], [1, 1, 1]), gate)
    assert np.allclose(resting[:, 0], gate, atol=1e-6)


@pytest.mark.parametrize("offset_s", [-0.01, 0.0, 0.0037])
def test_the_gate_is_open_within_half_a_second_of_sound(offset_s: float) -> None:
    sounds = np.array([0, 177, 399])  # frames at 100 Hz; also the first and the last one
    gate = np.zeros(400, np.float32)
    gate[sounds] = 1
    times = np.arange(200) / 50 + offset_s
    wide = widen_gate(gate, 100, times)
    away = np.abs(times[:, None] - sounds / 100).min(1)
    assert wide.shape == (200,) and wide.dtype == np.float32
    assert (wide[away <= 0.5] == 1).all()
    assert (wide[away >= 0.511] == 0).all()
    assert 0 < (wide == 0).sum() < 200


def test_a_ramp_of_the_gate_is_kept() -> None:
    gate = np.linspace(0, 1, 101).astype(np.float32)
    wide = widen_gate(gate, 100, np.array([0.0, 0.2, 0.505, 1.0, 2.0]))
    assert np.allclose(wide, [0.5, 0.7, 1, 1, 1], atol=1e-6)
