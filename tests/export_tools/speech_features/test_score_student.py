"""The comparison of the student with its teacher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from appliance.speech.speech_encoder import StudentEncoder
from appliance.speech.whisper_encoder import SpeechEncoder
from export_tools.speech_features.score_student import (
    Heard,
    SingleLayer,
    joined,
    listen,
    with_noise,
)
from export_tools.speech_features.train_motion import Sample, Sums, encode, reduce

pytestmark = pytest.mark.export

RATE = 16_000


@pytest.fixture(scope="module")
def student() -> StudentEncoder:
    return StudentEncoder.open()


@pytest.fixture
def sound() -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    envelope = np.interp(np.arange(9 * RATE), np.arange(0, 9 * RATE, 2000), rng.random(72))
    return np.asarray(0.2 * envelope * rng.standard_normal(9 * RATE), np.float32)


def test_train_motion_can_encode_with_the_student(
    student: StudentEncoder, sound: npt.NDArray[np.float32]
) -> None:
    layers = cast(SpeechEncoder, SingleLayer(student))
    assert np.array_equal(encode(layers, [sound]), listen(student, sound))


def test_noise_is_ten_decibels_below_the_speech(sound: npt.NDArray[np.float32]) -> None:
    added = with_noise(sound, 3) - sound
    ratio = 10 * np.log10(np.mean(sound**2) / np.mean(added**2))
    assert abs(ratio - 10.0) < 0.05


def test_both_encoders_together_weigh_as_much_as_one() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 4)).astype(np.float32)
    sample = Sample("clip", "s1", features, rng.normal(size=(50, 2)), 20.0)
    heard = Heard([sample], [], {})
    basis = np.concatenate([np.eye(4), np.zeros((1, 4))])

    def sums(samples: Iterable[Sample]) -> Iterator[Sums]:
        for s in samples:
            yield Sums.of(reduce(s.features, basis), s.targets, s.weight)

    (alone,), (one, other) = sums([sample]), sums(joined(heard, heard))
    together = one + other
    assert np.allclose(together.square, alone.square)
    assert np.allclose(together.cross, alone.cross)
