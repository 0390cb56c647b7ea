"""The presenter's profile: range of the mouth, and the frame that shows the teeth."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh, region_of_detection
from appliance.face.track import FaceLandmarks
from appliance.lips.geometry import LIPS_INNER
from appliance.lips.profile import TYPICAL_OPENING, ProfileBuilder, speaker_amplitude
from appliance.media.picture import Picture
from tests.talking_face import as_picture, face_with_opening

Points = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def wide(detector: FaceDetector, mesh: FaceMesh) -> FaceLandmarks:
    picture = as_picture(face_with_opening(0.2))
    points, confidence = mesh(picture, region_of_detection(detector.detect(picture)[0]))
    return FaceLandmarks(points, confidence)


def mouth(points: Points, teeth_kind: str) -> Picture:
    """Return a wide mouth, dark inside or with a row of teeth, sharp or with motion blur."""
    picture = as_picture(face_with_opening(0.2)).writable()
    inside: npt.NDArray[np.uint8] = np.zeros(picture.y.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(points[list(LIPS_INNER), :2]).astype(np.int32)], 255)
    picture.y[inside > 0] = 30
    if teeth_kind != "dark":
        teeth = inside.copy()
        teeth[int(points[13, 1]) + 7 :] = 0  # below the upper lip
        teeth[:, ::5] = 0  # gaps between them
        row = np.where(teeth > 0, 210, picture.y).astype(np.uint8)
        soft = cv2.GaussianBlur(row, (1, 9), 3.0)
        picture.y[inside > 0] = (soft if teeth_kind == "blurred" else row)[inside > 0]
    return picture


@pytest.mark.parametrize("order", [["teeth", "dark", "blurred"], ["dark", "blurred", "teeth"]])
def test_reference_is_the_frame_with_visible_teeth(wide: FaceLandmarks, order: list[str]) -> None:
    builder = ProfileBuilder()
    for kind in order:
        builder.add(mouth(wide.points, kind), wide)
        builder.add(mouth(wide.points, kind), wide)
    one = ProfileBuilder()
    one.add(mouth(wide.points, "teeth"), wide)
    assert np.array_equal(builder.profile().reference.y, one.profile().reference.y)


def test_reference_without_teeth_is_the_widest_mouth(
    detector: FaceDetector, mesh: FaceMesh
) -> None:
    builder = ProfileBuilder()
    widths = (0.02, 0.08, 0.2, 0.04)
    for opening in widths:
        picture = as_picture(face_with_opening(opening))
        points, confidence = mesh(picture, region_of_detection(detector.detect(picture)[0]))
        builder.add(mouth(points, "dark"), FaceLandmarks(points, confidence))
        builder.add(mouth(points, "dark"), FaceLandmarks(points, confidence))
    points = builder.profile().reference.points
    # Inner lips apart at the middle: a fifth of an eye distance is 0.15 of the patch.
    assert float(np.linalg.norm(points[25] - points[35])) > 0.1


def test_amplitude_is_continuous() -> None:
    spreads = np.arange(0, 0.4, 0.0005)
    amplitudes = np.array([speaker_amplitude(float(spread)) for spread in spreads])
    # Steepest where rest and speech cannot be distinguished: from 1.6 to 0.8 over 0.02.
    assert np.abs(np.diff(amplitudes)).max() < 0.03
    assert amplitudes.min() >= 0.8 and amplitudes.max() <= 1.6


def test_amplitude_of_photo_typical_and_wide_speaker() -> None:
    assert speaker_amplitude(0.0) == speaker_amplitude(0.005) == 1.6
    assert speaker_amplitude(TYPICAL_OPENING) == pytest.approx(1.0)
    # A speaker with small movements is not a photo; wider openings give a larger amplitude.
    assert (
        speaker_amplitude(0.03)
        < 0.9
        < speaker_amplitude(0.06)
        < speaker_amplitude(0.1)
        <= speaker_amplitude(0.2)
    )
