"""The correction of the motion: used where it helps, nothing otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from appliance.enrolment.motion import (
    MIN_GAIN,
    MotionFit,
    learn_motion,
    predict,
    speech_directions,
)
from appliance.enrolment.stretch import Stretch, pooled_correlation
from appliance.lips.speech_motion import SpeechMotion
from tests.enrolment.conftest import TAPS, Speaker, make_speaker


def learn(speaker: Speaker, stretches: Sequence[Stretch], offset_s: float = 0.0) -> MotionFit:
    return learn_motion(stretches, speaker.generic, speaker.basis, speaker.rest, 1.0, offset_s)


def judge(speaker: Speaker, motion: SpeechMotion, stretch: Stretch) -> float:
    """Return r of the opening that ``motion`` predicts and that of the picture."""
    opening = predict(motion, stretch.features) @ speaker.basis.opening_direction
    return pooled_correlation([(stretch.at_frames(opening), stretch.openings)])


@pytest.mark.parametrize("seconds", [10, 30])
def test_a_known_way_of_speaking_is_learned(speaker: Speaker, seconds: float) -> None:
    fit = learn(speaker, [speaker.record(seconds, 1)])
    assert fit.motion is not None and fit.gain >= MIN_GAIN
    other = speaker.record(30, 2)
    before, after = judge(speaker, speaker.generic, other), judge(speaker, fit.motion, other)
    assert after > before + (0.05 if seconds == 10 else 0.1)


def test_more_speech_is_learned_better(speaker: Speaker) -> None:
    other = speaker.record(30, 2)
    r = []
    for seconds in (8, 20, 60):
        motion = learn(speaker, [speaker.record(seconds, 1)]).motion
        assert motion is not None
        r.append(judge(speaker, motion, other))
    assert r == sorted(r)


def test_an_offset_is_not_learned(speaker: Speaker) -> None:
    """The lecture's mouth is in step, although the presenter's recording is not."""
    fit = learn(speaker, [speaker.record(20, 1, offset_s=0.24)], offset_s=0.24)
    assert fit.motion is not None
    other = speaker.record(30, 2)
    assert judge(speaker, fit.motion, other) > judge(speaker, speaker.generic, other) + 0.05


def test_nothing_is_learned_of_a_person_like_everybody() -> None:
    alike = make_speaker(difference=0.0)
    fit = learn(alike, [alike.record(20, 1)])
    assert fit.motion is None and fit.gain < MIN_GAIN


def test_posture_and_range_are_learned_without_a_correction() -> None:
    alike = make_speaker(difference=0.0)
    generic = alike.generic
    wide = replace(alike, own=SpeechMotion(1.5 * generic.matrices, TAPS, 2.5 * generic.bias))
    fit = learn(wide, [wide.record(6, 1)])
    assert fit.motion is not None and not fit.corrected
    other = wide.record(20, 2)
    assert judge(wide, fit.motion, other) == pytest.approx(judge(wide, generic, other), abs=0.001)
    direction = wide.basis.opening_direction
    errors = [
        other.at_frames(predict(motion, other.features) @ direction) - other.openings
        for motion in (generic, fit.motion)
    ]
    assert np.mean(errors[1] ** 2) < 0.3 * np.mean(errors[0] ** 2)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_learned_from_other_speech(speaker: Speaker, seed: int) -> None:
    assert learn(speaker, [speaker.record(20, seed, dubbed=True)]).motion is None


def test_nothing_is_learned_from_a_few_seconds(speaker: Speaker) -> None:
    fit = learn(speaker, [speaker.record(3, 1)])
    assert fit.motion is None and fit.speech_s == pytest.approx(3, abs=0.1)
    assert learn(speaker, []) == MotionFit(None, 0.0, 0.0)


def test_posture_and_range_are_those_of_the_person(speaker: Speaker) -> None:
    recorded = speaker.record(30, 1)
    fit = learn(speaker, [recorded])
    assert fit.motion is not None
    direction = speaker.basis.opening_direction
    predicted = predict(fit.motion, recorded.features) @ direction
    real = speaker.basis.coefficients(recorded.shapes - speaker.rest) @ direction
    assert predicted.mean() == pytest.approx(real.mean(), rel=0.15)
    assert 0.7 < predicted.std() / real.std() < 1.1


def test_the_correction_uses_the_directions_of_the_motion(speaker: Speaker) -> None:
    narrow = SpeechMotion(
        speaker.generic.matrices[:, :, :2], speaker.generic.taps, np.zeros(2, "f4")
    )
    directions = speech_directions(narrow)
    assert directions.shape == (24, 6)
    np.testing.assert_allclose(directions.T @ directions, np.eye(6), atol=1e-9)
    outside = np.eye(24) - directions @ directions.T
    assert np.abs(outside @ narrow.matrices.astype(np.float64)).max() < 1e-8
