"""Identification of the presenter among several people, and when one leaves."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.face.detect import Detection
from appliance.face.person import Person, find_people

FrameDetections = tuple[int, list[Detection]]


def face(x: float, width: float, y: float = 300.0) -> Detection:
    box = np.array([x - width / 2, y - width / 2, x + width / 2, y + width / 2])
    return Detection(box, np.zeros((6, 2)), 0.9)


def detections_at(frames: range, *faces: Detection) -> list[FrameDetections]:
    return [(index, list(faces)) for index in frames]


LARGE, SMALL = face(300, 120), face(900, 80)
BOTH = detections_at(range(0, 100, 10), LARGE, SMALL)


def test_largest_steady_face_comes_first() -> None:
    first, second = find_people(BOTH, len(BOTH))
    assert first(45, [SMALL, LARGE]) is LARGE
    assert second(45, [SMALL, LARGE]) is SMALL


def test_remaining_person_is_not_taken_for_another() -> None:
    """When the presenter leaves, the only remaining person is not taken for the presenter."""
    first, second = find_people([*BOTH, *detections_at(range(100, 200, 10), SMALL)], 20)
    assert first(150, [SMALL]) is None
    assert first(150, [face(910, 78)]) is None
    assert second(150, [SMALL]) is SMALL
    assert first(150, []) is None


def test_presenter_may_return_at_another_position() -> None:
    first, _ = find_people(BOTH, len(BOTH))
    elsewhere = face(550, 130)
    assert first(50, [SMALL, elsewhere]) is elsewhere


def test_single_presenter_is_found_at_any_position() -> None:
    """A walking person may be taken for several people, but is never twice in one frame."""
    walk = [(index, [face(150 + 20 * index, 100)]) for index in range(0, 60, 10)]
    first = find_people(walk, len(walk))[0]
    for index in range(60):
        here = face(150 + 20 * index, 100)
        assert first(index, [here]) is here
    far = face(4000, 100)
    assert first(0, [far]) is far


def test_single_detection_is_not_a_person() -> None:
    clutter = face(620, 100)
    seen = [
        *detections_at(range(0, 50, 10), LARGE),
        (50, [LARGE, clutter]),
        *detections_at(range(60, 99, 10), LARGE),
    ]
    first = find_people(seen, len(seen))[0]
    moved = face(600, 110)
    assert first(50, [moved]) is moved


def test_position_is_interpolated_between_known_ones() -> None:
    walker = Person(((0.0, 100.0, 300.0, 100.0), (100.0, 1100.0, 300.0, 100.0)))
    ahead, behind = face(700, 100), face(300, 100)
    assert walker(60, [behind, ahead]) is ahead
    assert walker(25, [behind, ahead]) is behind


@pytest.mark.parametrize("order", [1, -1])
def test_nearest_candidate_is_picked(order: int) -> None:
    person = Person(((0.0, 100.0, 300.0, 100.0),))
    near, far = face(130, 100), face(180, 100)
    assert person(0, [near, far][::order]) is near
