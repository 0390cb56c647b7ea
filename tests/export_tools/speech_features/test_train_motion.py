"""The regression from features to motion: sums, people left out, and the opening of the capture."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.speech.speech_encoder import COMPONENTS, StudentEncoder
from export_tools.speech_features import train_motion
from export_tools.speech_features.projection import components, scale_components
from export_tools.speech_features.train_motion import (
    Sample,
    Sums,
    Training,
    at_steps,
    at_taps,
    encode,
    joined,
    predict,
)

pytestmark = pytest.mark.export

FEATURES, COEFFICIENTS = 12, 3
DIRECTION = np.array([1.0, 0.0, 0.0])


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(FEATURES, COEFFICIENTS))


def make_sample(person: str, truth: np.ndarray, seed: int, opening_only: bool = False) -> Sample:
    features = np.random.default_rng(seed).normal(size=(400, FEATURES)).astype(np.float32)
    targets = features @ truth + 0.25
    if opening_only:
        targets = targets[:, 0]
    return Sample(f"{person} {seed}", person, features, targets, 1.0)


def test_ridge_equals_least_squares_when_weak() -> None:
    rng = np.random.default_rng(4)
    columns, targets = rng.normal(3, 2, (300, 5)), rng.normal(1, 1, (300, 2))
    halves = Sums.of(columns[:100], targets[:100], 1.0) + Sums.of(columns[100:], targets[100:], 1.0)
    extended = np.concatenate([columns, np.ones((300, 1))], axis=1)
    expected = np.linalg.lstsq(extended, targets, rcond=None)[0]
    assert np.allclose(halves.solve(1e-9), expected, atol=1e-8)


def test_ridge_shrinks_to_the_mean() -> None:
    rng = np.random.default_rng(4)
    columns, targets = rng.normal(3, 2, (300, 5)), rng.normal(1, 1, (300, 2))
    found = Sums.of(columns, targets, 1.0).solve(1e12)
    assert np.allclose(found[:-1], 0, atol=1e-8)
    assert np.allclose(found[-1], targets.mean(0))


def test_motion_is_found(truth: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_motion, "TAPS", (-1, 0, 1))
    samples = [make_sample("s1", truth, 1), make_sample("x", truth, 2)]
    scale = float(samples[0].targets[:, 0].std())
    capture = make_sample("mandarin", truth / scale, 3, opening_only=True)
    training = Training.of([*samples, capture], DIRECTION)
    motion = training.fit(strength=1e-6)
    fresh = make_sample("y", truth, 9)
    error = predict(motion, fresh.features)[:, 1:] - fresh.targets[:, 1:]
    assert np.abs(error).max() < 1e-3
    opening = predict(motion, fresh.features)[:, 0]
    assert np.corrcoef(opening, fresh.targets[:, 0])[0, 1] > 0.999


def test_person_left_out_has_no_effect(truth: np.ndarray) -> None:
    shared = [make_sample("s1", truth, 1), make_sample("mandarin", truth, 3, opening_only=True)]
    one = Training.of([*shared, make_sample("x", truth, 2)], DIRECTION)
    other = Training.of([*shared, make_sample("x", -truth, 5)], DIRECTION)
    assert np.array_equal(one.fit("x").matrices, other.fit("x").matrices)
    assert not np.array_equal(one.fit().matrices, other.fit().matrices)


def test_capture_moves_only_the_opening(truth: np.ndarray) -> None:
    samples = [make_sample("s1", truth, 1), make_sample("mandarin", -truth, 3, opening_only=True)]
    training = Training.of(samples, DIRECTION)
    with_capture, without = training.fit(), training.fit("mandarin")
    assert np.allclose(with_capture.matrices[..., 1:], without.matrices[..., 1:], atol=1e-6)
    assert np.abs(with_capture.matrices[..., 0] - without.matrices[..., 0]).max() > 0.01


def test_values_between_steps() -> None:
    values = np.array([[0.0], [10.0], [30.0]])
    found = at_steps(values, np.array([-1.0, 0.5, 1.5, 9.0]))
    assert found[:, 0].tolist() == [0.0, 5.0, 20.0, 30.0]


def test_features_at_all_moments() -> None:
    features = np.arange(4, dtype=np.float32)[:, None]
    found = at_taps(features, (-1, 0, 2))
    assert found.tolist() == [[0, 0, 2], [0, 1, 3], [1, 2, 3], [2, 3, 3]]


def test_several_encoders_together_weigh_as_much_as_one(truth: np.ndarray) -> None:
    sample = make_sample("s1", truth, 1)
    one, other = (
        Sums.of(at_taps(s.features, (0,)), s.targets, s.weight)
        for s in joined([[sample], [sample]])
    )
    alone = Sums.of(sample.features, sample.targets, sample.weight)
    assert np.allclose((one + other).square, alone.square)
    assert np.allclose((one + other).cross, alone.cross)


def test_a_motion_is_fitted_to_the_components_of_the_student() -> None:
    rng = np.random.default_rng(0)
    envelope = np.interp(np.arange(64_000), np.arange(0, 64_000, 1600), rng.random(40))
    sound = np.asarray(0.2 * envelope * rng.standard_normal(64_000), np.float32)
    features = encode(StudentEncoder.open(), sound)
    assert features.shape == (201, COMPONENTS)
    targets = rng.normal(size=(201, COEFFICIENTS))
    samples = [
        Sample("a", "s1", features, targets, 1.0),
        Sample("b", "mandarin", features, targets[:, 0], 1.0),
    ]
    motion = Training.of(samples, DIRECTION).fit()
    assert motion.matrices.shape == (len(train_motion.TAPS), COMPONENTS, COEFFICIENTS)
    assert predict(motion, features).shape == targets.shape


def test_components_are_the_directions_of_most_variance_in_each_layer() -> None:
    rng = np.random.default_rng(2)
    mix = (rng.normal(size=(500, 8)) * [1, 9, 1, 5, 7, 1, 3, 1] + 10).astype(np.float32)
    basis, deviation = scale_components(components(mix, 2), mix)
    assert np.allclose(deviation, [9, 5, 7, 3], rtol=0.1)
    found = mix @ basis[:-1] + basis[-1]
    assert np.allclose(found.std(0), 1, atol=1e-5) and np.allclose(found.mean(0), 0, atol=1e-4)
    assert np.allclose(basis[4:8, :2], 0) and np.allclose(basis[:4, 2:], 0)
