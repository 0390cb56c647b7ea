"""The face mesh on rotated, scaled and squeezed pictures, and with an opening mouth."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import (
    LEFT_EYE_OUTER,
    RIGHT_EYE_OUTER,
    FaceMesh,
    Region,
    region_of_detection,
    region_of_points,
)
from appliance.face.pose import fit_pose
from appliance.face.sampling import apply
from appliance.lips.geometry import mouth_opening, to_face_frame
from tests.talking_face import EYE_DISTANCE, SIZE, as_picture, face_with_opening, portrait

Points = npt.NDArray[np.float32]

CORNER = np.array([0.5, 0.5, 0])  # from a pixel's centre to its corner, where scaling starts


def settle(
    mesh: FaceMesh, image: npt.NDArray[np.uint8], region: Region, aspect: float = 1.0
) -> tuple[Points, float]:
    """Return the points after the region has converged."""
    picture = as_picture(image)
    for _ in range(5):
        points, confidence = mesh(picture, region, aspect)
        region = region_of_points(points, aspect)
    return points, confidence


@pytest.fixture(scope="module")
def upright(mesh: FaceMesh, detector: FaceDetector) -> Points:
    face = detector.detect(as_picture(portrait()))[0]
    points, confidence = settle(mesh, portrait(), region_of_detection(face))
    assert confidence > 0.99
    return points


def distance(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    """Return the mean distance of points in the picture, in eye distances."""
    return float(np.linalg.norm(a[:, :2] - b[:, :2], axis=1).mean() / EYE_DISTANCE)


@pytest.mark.parametrize("degrees", [-40, -15, 20, 60])
def test_points_follow_rotation(mesh: FaceMesh, upright: Points, degrees: float) -> None:
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), degrees, 1)
    image = cv2.warpAffine(portrait(), turn, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    expected = apply(np.asarray(turn, np.float64), upright[:, :2])
    start = region_of_points(np.column_stack([expected, upright[:, 2]]).astype(np.float32))
    points, confidence = settle(mesh, np.asarray(image, np.uint8), start)
    assert confidence > 0.99
    assert distance(points, expected) < 0.015


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_points_follow_scale(mesh: FaceMesh, upright: Points, scale: float) -> None:
    side = round(SIZE * scale / 2) * 2
    image = cv2.resize(portrait(), (side, side), interpolation=cv2.INTER_AREA)
    factor = side / SIZE
    expected = (upright + CORNER) * factor - CORNER
    start = region_of_points(expected.astype(np.float32))
    points, _ = settle(mesh, np.asarray(image, np.uint8), start)
    assert distance(points, expected) / factor < 0.02
    # Depth is in pixels of the picture as well.
    assert np.abs(points[:, 2] / factor - upright[:, 2]).mean() < 0.03 * EYE_DISTANCE


def test_points_follow_pixel_aspect(mesh: FaceMesh, upright: Points) -> None:
    aspect = 64 / 45
    width = round(SIZE / aspect / 2) * 2
    image = cv2.resize(portrait(), (width, SIZE), interpolation=cv2.INTER_AREA)
    expected = (upright + CORNER) * [width / SIZE, 1, 1] - CORNER
    start = region_of_points(expected.astype(np.float32), SIZE / width)
    points, _ = settle(mesh, np.asarray(image, np.uint8), start, SIZE / width)
    assert distance(points, expected) < 0.02


def test_points_fit_their_region(upright: Points) -> None:
    region = region_of_points(upright)
    matrix = region.matrix(192, 1.0)
    corners = apply(matrix, np.array([[-0.5, -0.5], [191.5, -0.5], [-0.5, 191.5]]))
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(region.side)
    assert np.linalg.norm(corners[2] - corners[0]) == pytest.approx(region.side)
    assert np.allclose((corners[1] + corners[2]) / 2, [region.x, region.y])
    eyes = upright[LEFT_EYE_OUTER, :2] - upright[RIGHT_EYE_OUTER, :2]
    assert region.angle == pytest.approx(np.arctan2(eyes[1], eyes[0]))


def test_mouth_openings_are_measured(mesh: FaceMesh, upright: Points) -> None:
    openings = np.array([0.0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3])
    read = []
    for wanted in openings:
        points, _ = settle(mesh, face_with_opening(wanted), region_of_points(upright))
        read.append(float(mouth_opening(to_face_frame(points, fit_pose(points)))))
    assert np.all(np.diff(read) > 0)
    assert np.abs(np.array(read) - openings).max() < 0.035
    assert np.corrcoef(read, openings)[0, 1] > 0.995


def test_confidence_is_low_without_a_face(mesh: FaceMesh) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    for image in (noise, np.full_like(noise, 120)):
        _, confidence = mesh(as_picture(image), Region(128, 128, 200, 0.0))
        assert confidence < 0.1
