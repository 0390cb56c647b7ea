"""Poses compared with known rotations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh, region_of_detection
from appliance.face.pose import Pose, fit_pose
from tests.talking_face import as_picture, portrait

Array = npt.NDArray[np.float64]


def turn_about(axis: str, degrees: float) -> Array:
    """Return a right-handed rotation; x to the left cheek, y down, z away from the camera."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


@pytest.fixture(scope="module")
def face(mesh: FaceMesh, detector: FaceDetector) -> Array:
    """The portrait's points (468, 3) in the face frame."""
    picture = as_picture(portrait())
    region = region_of_detection(detector.detect(picture)[0])
    points, _ = mesh(picture, region)
    return fit_pose(points).unproject(points)


def random_pose(seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    rotation = (
        turn_about("z", rng.uniform(-60, 60))
        @ turn_about("y", rng.uniform(-50, 50))
        @ turn_about("x", rng.uniform(-40, 40))
    )
    return Pose(np.array(rng.uniform(20, 600)), rotation, rng.uniform(-300, 2000, 3))


@pytest.mark.parametrize("seed", range(4))
def test_projection_is_invertible(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(30, 3))
    pose = random_pose(seed)
    assert np.allclose(pose.unproject(pose.project(points)), points)


@pytest.mark.parametrize("seed", range(8))
def test_known_pose_is_recovered(face: Array, seed: int) -> None:
    # The fit of the face frame itself is the unit pose, and fits follow a similarity.
    rest, pose = fit_pose(face), random_pose(seed)
    found = fit_pose(pose.project(face))
    assert np.allclose(rest.rotation, np.eye(3), atol=1e-6)
    assert rest.scale == pytest.approx(1)
    assert np.allclose(found.rotation, pose.rotation, atol=1e-6)
    assert found.scale == pytest.approx(float(pose.scale))
    assert np.allclose(found.offset, pose.offset, atol=1e-4)
    assert np.linalg.det(found.rotation) == pytest.approx(1)


@pytest.mark.parametrize("degrees", [-40.0, -10.0, 0.0, 25.0])
def test_yaw_is_positive_when_the_left_cheek_comes_forward(face: Array, degrees: float) -> None:
    turned = face @ turn_about("y", degrees).T
    pose = fit_pose(turned)
    assert float(pose.yaw) == pytest.approx(degrees, abs=0.1)
    left_cheek, right_cheek = turned[454], turned[234]
    if degrees > 5:
        assert left_cheek[2] < right_cheek[2]  # nearer to the camera
    if degrees < -5:
        assert left_cheek[2] > right_cheek[2]


def test_roll_is_the_rotation_in_the_picture(face: Array) -> None:
    pose = fit_pose(face @ turn_about("z", 30).T)
    assert float(pose.roll) == pytest.approx(np.radians(30), abs=1e-6)
    assert float(pose.yaw) == pytest.approx(0, abs=1e-4)


def test_mirrored_picture_mirrors_the_yaw(mesh: FaceMesh, detector: FaceDetector) -> None:
    yaws = []
    for image in (portrait(), np.ascontiguousarray(portrait()[:, ::-1])):
        picture = as_picture(image)
        points, _ = mesh(picture, region_of_detection(detector.detect(picture)[0]))
        yaws.append(float(fit_pose(points).yaw))
    assert yaws[0] == pytest.approx(-yaws[1], abs=4)


def test_mouth_does_not_change_the_pose(face: Array) -> None:
    moved = face.copy()
    for lower_lip_and_jaw in (14, 17, 152, 175, 84, 314, 87, 317):
        moved[lower_lip_and_jaw, 1] += 0.3
    assert np.array_equal(fit_pose(moved).rotation, fit_pose(face).rotation)
    assert np.array_equal(fit_pose(moved).offset, fit_pose(face).offset)


def test_stacked_frames_equal_single_frames(face: Array) -> None:
    frames = np.stack([random_pose(seed).project(face) for seed in range(5)])
    together = fit_pose(frames)
    for k, frame in enumerate(frames):
        alone = fit_pose(frame)
        assert np.allclose(together.scale[k], alone.scale)
        assert np.allclose(together.rotation[k], alone.rotation)
        assert np.allclose(together.offset[k], alone.offset)
    assert together.yaw.shape == together.roll.shape == (5,)
    assert np.allclose(together.unproject(together.project(frames * 0.01)), frames * 0.01)
