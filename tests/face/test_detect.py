"""BlazeFace on whole pictures and tiles, with a portrait at known positions."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import FaceDetector
from tests.talking_face import as_picture, portrait

# BlazeFace's box for the portrait, as shares of its side: centre x, centre y, width.
CENTRE, WIDTH = (0.476, 0.48), 0.53


def scene(width: int, height: int, *faces: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return a grey picture with the portrait at each (left, top, side)."""
    image = np.full((height, width, 3), 120, np.uint8)
    for left, top, side in faces:
        small = cv2.resize(portrait(), (side, side), interpolation=cv2.INTER_AREA)
        image[top : top + side, left : left + side] = small
    return image


@pytest.mark.parametrize(
    ("size", "face"),
    [
        ((256, 256), (0, 0, 256)),  # fills the picture
        ((640, 360), (300, 60, 200)),  # detected in the whole picture
        ((1280, 720), (40, 500, 160)),  # first tiles
        ((1280, 720), (1130, 20, 110)),  # at the right edge
        ((1920, 1080), (860, 700, 120)),  # second tiles
        ((720, 1280), (300, 80, 130)),  # upright, as phones film
    ],
)
def test_face_is_detected_at_its_position(
    detector: FaceDetector, size: tuple[int, int], face: tuple[int, int, int]
) -> None:
    left, top, side = face
    found = detector.detect(as_picture(scene(*size, face)))
    assert len(found) == 1
    assert np.abs(found[0].centre - [left + CENTRE[0] * side, top + CENTRE[1] * side]).max() < (
        0.06 * side
    )
    assert found[0].width == pytest.approx(WIDTH * side, rel=0.15)
    right_eye, left_eye, nose, mouth = found[0].keypoints[:4] - [left, top]
    assert np.abs(right_eye / side - [0.38, 0.33]).max() < 0.11
    assert np.abs(left_eye / side - [0.58, 0.34]).max() < 0.11
    assert np.abs(nose / side - [0.47, 0.48]).max() < 0.11
    assert np.abs(mouth / side - [0.47, 0.58]).max() < 0.11


def test_no_face_is_detected_in_noise_or_a_blank_picture(detector: FaceDetector) -> None:
    rng = np.random.default_rng(0)
    grain = np.clip(rng.normal(120, 25, (360, 640, 3)), 0, 255).astype(np.uint8)
    assert detector.detect(as_picture(grain)) == []
    assert detector.detect(as_picture(scene(640, 360))) == []


def test_faces_are_sorted_by_confidence(detector: FaceDetector) -> None:
    image = scene(640, 360, (20, 60, 220), (380, 100, 180))
    found = detector.detect(as_picture(image))
    assert sorted(int(face.centre[0]) // 320 for face in found) == [0, 1]
    assert found[0].score >= found[1].score


def test_boxes_of_an_anamorphic_picture_are_in_its_pixels(detector: FaceDetector) -> None:
    image = scene(1024, 576, (500, 150, 300))
    narrow = cv2.resize(image, (720, 576), interpolation=cv2.INTER_AREA)  # PAL, 64:45 pixels
    straight = detector.detect(as_picture(image))[0]
    squeezed = detector.detect(as_picture(np.asarray(narrow, np.uint8)), 1024 / 720)[0]
    boxes = np.stack([squeezed.box * [1024 / 720, 1, 1024 / 720, 1], straight.box])
    assert np.abs(boxes[0] - boxes[1]).max() < 0.03 * 300
    assert np.abs(squeezed.keypoints * [1024 / 720, 1] - straight.keypoints).max() < 0.03 * 300
