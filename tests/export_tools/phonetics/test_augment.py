"""Rooms and noise to augment speech with."""

from __future__ import annotations

import numpy as np
import pytest

from export_tools.phonetics import augment

pytestmark = pytest.mark.export


def test_a_room_is_reproducible_and_keeps_the_time() -> None:
    one, two = (augment.room_impulse_response(np.random.default_rng(5), 0.4) for _ in range(2))
    assert np.array_equal(one, two)
    assert len(one) == round(0.4 * augment.RATE)
    assert one[0] == 1 and np.abs(one).argmax() == 0
    early, late = np.sum(one[100:1100] ** 2), np.sum(one[-1000:] ** 2)
    assert 0 < late < 1e-3 * early


def test_noise_is_reproducible_and_has_the_wanted_bins() -> None:
    one, two = (augment.noise_spectrum(np.random.default_rng(5), 801) for _ in range(2))
    assert one.shape == (801,) and np.array_equal(one, two)
    assert not np.array_equal(one, augment.noise_spectrum(np.random.default_rng(6), 801))


def test_resampling_keeps_the_ends() -> None:
    found = augment.resample(np.array([0, 1, 2], np.float32), 5)
    assert found.tolist() == [0, 0.5, 1, 1.5, 2] and found.dtype == np.float32
