"""The linear motion: every tap sees its own step, and blocks of any size give the same result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.lips.speech_motion import CLOSED_CLASS, SpeechMotion, close_lips

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
    assert np.array_equal(read.bias, motion.bias)


class TestCloseLips:
    def test_likely_sounds_close_the_lips(self) -> None:
        values = np.ones((9, 2), np.float32)
        likely = np.zeros(9, np.float32)
        likely[3:6] = 1.0
        closed = close_lips(values, likely)
        assert closed[4].tolist() == [0.0, 0.0]
        assert 0 < closed[2, 0] < closed[1, 0] == 1.0
        assert 0 < closed[3, 0] < 0.3

    def test_missing_and_surplus_steps(self) -> None:
        values = np.ones((4, 1), np.float32)
        assert close_lips(values, np.zeros(3, np.float32)).tolist() == values.tolist()
        assert close_lips(values, np.zeros(5, np.float32)).tolist() == values.tolist()

    @pytest.mark.export
    def test_class_is_that_of_the_phonetic_encoder(self) -> None:
        from export_tools.phonetics.inventory import INDEX

        assert INDEX["P"] == CLOSED_CLASS
