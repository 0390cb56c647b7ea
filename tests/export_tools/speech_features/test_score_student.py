"""The comparison of the student with its teacher."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from export_tools.speech_features.score_student import with_noise

pytestmark = pytest.mark.export

RATE = 16_000


@pytest.fixture
def sound() -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(0)
    envelope = np.interp(np.arange(9 * RATE), np.arange(0, 9 * RATE, 2000), rng.random(72))
    return np.asarray(0.2 * envelope * rng.standard_normal(9 * RATE), np.float32)


def test_noise_is_ten_decibels_below_the_speech(sound: npt.NDArray[np.float32]) -> None:
    added = with_noise(sound, 3) - sound
    ratio = 10 * np.log10(np.mean(sound**2) / np.mean(added**2))
    assert abs(ratio - 10.0) < 0.05
