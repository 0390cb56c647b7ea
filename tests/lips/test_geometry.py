"""The mouth's points, the closed mouth, and the patch around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh, region_of_detection
from appliance.face.pose import Pose, fit_pose
from appliance.face.sampling import apply
from appliance.lips.geometry import (
    CHIN,
    INNER,
    INNER_BOTTOM,
    INNER_TOP,
    JAW,
    JAW_LINE,
    LIPS_INNER,
    LIPS_OUTER,
    MOUTH_POINTS,
    OUTER,
    PATCH_CENTRE,
    PATCH_SIDE,
    close_mouth,
    mouth_opening,
    patch_matrix,
    to_face_frame,
)
from tests.talking_face import as_picture, face_with_opening

Array = npt.NDArray[np.float64]


def measure(mesh: FaceMesh, detector: FaceDetector, opening: float) -> tuple[Array, Pose]:
    """Return mesh points (468, 3) and pose of the portrait with a mouth opening of ``opening``."""
    picture = as_picture(face_with_opening(opening))
    points, _ = mesh(picture, region_of_detection(detector.detect(picture)[0]))
    return points.astype(np.float64), fit_pose(points)


@pytest.fixture(scope="module")
def open_mouth(mesh: FaceMesh, detector: FaceDetector) -> Array:
    points, pose = measure(mesh, detector, 0.22)
    return to_face_frame(points, pose)


def test_every_point_is_listed_once() -> None:
    assert len(set(MOUTH_POINTS)) == len(MOUTH_POINTS) == 57
    names = list(MOUTH_POINTS)
    assert names[OUTER] == list(LIPS_OUTER)
    assert names[INNER] == list(LIPS_INNER)
    assert names[JAW_LINE] == list(JAW)
    assert names[JAW_LINE.stop :] == list(CHIN)
    assert (MOUTH_POINTS[INNER_TOP], MOUTH_POINTS[INNER_BOTTOM]) == (13, 14)


def test_lip_rings_run_around_the_mouth_without_crossing(open_mouth: Array) -> None:
    middle = open_mouth[INNER, :2].mean(axis=0)
    for ring in (OUTER, INNER):
        x, y = (open_mouth[ring, :2] - middle).T
        turns = np.diff(np.unwrap(np.arctan2(y, x)), append=np.nan)[:-1]
        # From the person's right corner (the picture's left) along the lower lip.
        assert (turns < 0).all()
        assert x[0] < 0 < x[10]
        assert y[5] > 0 > y[15]
    inner = open_mouth[INNER, :2].astype(np.float32)
    outer = open_mouth[OUTER, :2].astype(np.float32)
    # The corners of the two rings almost touch, so they may be on each other's line.
    inside = [cv2.pointPolygonTest(outer, point.tolist(), True) for point in inner]
    assert min(inside) > -0.01


def test_opening_is_measured(open_mouth: Array) -> None:
    assert float(mouth_opening(open_mouth)) == pytest.approx(0.22, abs=0.03)
    assert mouth_opening(np.stack([open_mouth] * 4)).shape == (4,)


def test_closed_mouth_has_no_opening(open_mouth: Array) -> None:
    shut = close_mouth(open_mouth)
    below, above = shut[21:30], shut[31:40][::-1]
    assert np.allclose(below, above)
    assert float(mouth_opening(shut)) == pytest.approx(0, abs=1e-12)


def test_closing_keeps_lip_thickness_corners_and_jaw(open_mouth: Array) -> None:
    shut = close_mouth(open_mouth)
    for k in (*range(1, 10), *range(11, 20)):
        before, after = open_mouth[20 + k] - open_mouth[k], shut[20 + k] - shut[k]
        assert np.allclose(before, after)
    still = [0, 10, 20, 30, *range(40, 57)]
    assert np.array_equal(shut[still], open_mouth[still])
    # The lower lip moves most of the way, with the jaw.
    rise = float(open_mouth[INNER_BOTTOM, 1] - shut[INNER_BOTTOM, 1])
    assert rise == pytest.approx(
        0.65 * float(open_mouth[INNER_BOTTOM, 1] - open_mouth[INNER_TOP, 1])
    )


def test_closing_is_idempotent_and_does_not_modify_its_input(open_mouth: Array) -> None:
    before = open_mouth.copy()
    shut = close_mouth(open_mouth)
    assert np.array_equal(open_mouth, before)
    assert np.allclose(close_mouth(shut), shut)


@pytest.mark.parametrize("size", [48, 96, 97])
@pytest.mark.parametrize("roll", [0.0, -0.6, 1.2])
def test_patch_is_a_square_aligned_with_the_face(size: int, roll: float) -> None:
    c, s = np.cos(roll), np.sin(roll)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    pose = Pose(np.array(90.0), rotation, np.array([400.0, 250.0, 10.0]))
    matrix = patch_matrix(pose, size)
    middle = apply(matrix, np.full((1, 2), (size - 1) / 2))[0]
    assert np.allclose(middle, pose.project(PATCH_CENTRE[None])[0, :2])
    ends = np.array([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5]])
    corner, right, lower = apply(matrix, ends)
    assert np.linalg.norm(right - corner) == pytest.approx(90 * PATCH_SIDE)
    assert np.linalg.norm(lower - corner) == pytest.approx(90 * PATCH_SIDE)
    assert np.arctan2(*(right - corner)[::-1]) == pytest.approx(roll)
    assert (right - corner) @ (lower - corner) == pytest.approx(0, abs=1e-6)


def test_patch_contains_the_open_mouth_without_the_eyes(
    mesh: FaceMesh, detector: FaceDetector
) -> None:
    points, pose = measure(mesh, detector, 0.3)
    matrix = np.linalg.inv(np.vstack([patch_matrix(pose, 96), [0, 0, 1]]))[:2]
    lips = apply(matrix, points[list(LIPS_OUTER + CHIN), :2])
    assert lips.min() > 5
    assert lips.max() < 90
    eyes = apply(matrix, points[[33, 133, 362, 263], :2])
    assert eyes[:, 1].max() < 0
