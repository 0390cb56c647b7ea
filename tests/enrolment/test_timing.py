"""The offset of sound and picture is found where there is one, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.enrolment.motion import predict
from appliance.enrolment.stretch import Stretch
from appliance.enrolment.timing import Offset, find_offset, related_stretches
from tests.enrolment.conftest import Speaker


def measure(speaker: Speaker, *stretches: Stretch) -> Offset:
    direction = speaker.basis.opening_direction
    return find_offset(
        stretches, [predict(speaker.generic, s.features) @ direction for s in stretches]
    )


@pytest.mark.parametrize("offset_s", [-0.35, -0.12, -0.04, 0.0, 0.08, 0.24, 0.38])
def test_offset_is_found_within_20_ms(speaker: Speaker, offset_s: float) -> None:
    found = measure(speaker, speaker.record(12, 3, offset_s))
    assert found.related and found.is_known and found.confidence > 0.9
    assert abs(found.seconds - offset_s) <= 0.02


@pytest.mark.parametrize("seed", range(8))
def test_other_speech_is_not_related(speaker: Speaker, seed: int) -> None:
    found = measure(speaker, speaker.record(12, seed, dubbed=True))
    assert not found.related and not found.is_known


def test_two_seconds_are_not_enough(speaker: Speaker) -> None:
    found = measure(speaker, speaker.record(2, 1))
    assert not found.related


def test_little_speech_is_taken_as_in_step(speaker: Speaker) -> None:
    """What chance suggests for a second of sound is not believed."""
    offsets = [measure(speaker, speaker.record(1, seed, dubbed=True)).seconds for seed in range(12)]
    assert np.median(np.abs(offsets)) <= 0.06


def test_a_still_face_has_no_offset(speaker: Speaker) -> None:
    still = speaker.record(12, 1)
    still.shapes[:] = speaker.rest
    found = measure(speaker, still)
    assert found.seconds == 0 and not found.related


def test_a_dubbed_shot_is_left_out(speaker: Speaker) -> None:
    direction = speaker.basis.opening_direction
    stretches = [
        speaker.record(8, 1, 0.1),
        speaker.record(8, 2, dubbed=True),
        speaker.record(8, 3, 0.1),
        speaker.record(2, 4, 0.1),  # too short to be judged alone
        speaker.record(2, 5, dubbed=True),
    ]
    predicted = [predict(speaker.generic, s.features) @ direction for s in stretches]
    offset, own = related_stretches(stretches, predicted)
    assert own == [0, 2, 3]
    assert abs(offset.seconds - 0.1) <= 0.02
    assert related_stretches(stretches[1:2], predicted[1:2])[1] == []
