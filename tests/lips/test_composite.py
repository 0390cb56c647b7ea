from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh, region_of_detection
from appliance.face.pose import fit_pose
from appliance.face.track import FaceLandmarks
from appliance.lips.composite import RendererOutput, composite, mouth_mask, sharpen_edges
from appliance.lips.profile import ProfileBuilder, fraction_matrix, mouth_in_patch
from appliance.media.picture import Picture
from tests.talking_face import as_picture, face_with_opening


@pytest.fixture(scope="module")
def sighting(detector: FaceDetector, mesh: FaceMesh) -> FaceLandmarks:
    picture = as_picture(face_with_opening(0.1))
    points, confidence = mesh(picture, region_of_detection(detector.detect(picture)[0]))
    return FaceLandmarks(points, confidence)


def _answer(source: float, reference: float, fill: float, flow: float = 0.0) -> RendererOutput:
    layers = np.zeros((96, 96, 4), np.float32)
    layers[:] = (source, reference, fill, 0.25)
    return RendererOutput(
        np.full((48, 48, 4), flow, np.float32),
        layers,
        np.full((48, 48, 2), 0.75, np.float32),
    )


def _planes_equal(a: Picture, b: Picture) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.planes(), b.planes(), strict=True))


def _painted(
    sighting: FaceLandmarks, answer: RendererOutput, reference: bool = False
) -> tuple[Picture, Picture]:
    before = as_picture(face_with_opening(0.1))
    after = before.writable()
    matrix = fraction_matrix(fit_pose(sighting.points))
    points = mouth_in_patch(matrix, sighting.points)
    learner = ProfileBuilder()
    learner.add(before, sighting)
    own = learner.profile().reference if reference else None
    composite(after, matrix, answer, mouth_mask(points, points), own)
    return before, after


def test_the_unmoved_source_changes_no_byte(sighting: FaceLandmarks) -> None:
    assert _planes_equal(*_painted(sighting, _answer(1, 0, 0)))


def test_the_unmoved_reference_of_the_same_frame_changes_next_to_nothing(
    sighting: FaceLandmarks,
) -> None:
    before, after = _painted(sighting, _answer(0, 1, 0), reference=True)
    assert np.abs(before.y.astype(int) - after.y).max() <= 2
    assert np.abs(before.u.astype(int) - after.u).max() <= 2


def test_paint_covers_the_lips_and_nothing_outside_the_mask(sighting: FaceLandmarks) -> None:
    before, after = _painted(sighting, _answer(0, 0, 1))
    x, y = sighting.points[13, :2].astype(int)
    assert after.y[y, x] == 64  # 0.25 of 255
    assert after.u[y // 2, x // 2] == after.v[y // 2, x // 2] == 191
    changed = np.argwhere(before.y != after.y)
    low, high = changed.min(axis=0), changed.max(axis=0)
    nose, chin = sighting.points[4, 1], sighting.points[152, 1]
    eyes = sighting.eye_distance
    assert low[0] > nose and high[0] < chin + 0.2 * eyes
    assert high[1] - low[1] < 1.3 * eyes


def test_the_mask_is_soft_and_ends_at_zero() -> None:
    rng = np.random.default_rng(0)
    mouth = rng.uniform(0.2, 0.8, (57, 2)).astype(np.float32)
    mask = mouth_mask(mouth, mouth)
    assert mask.max() == pytest.approx(1.0, abs=1e-3)
    assert not mask[[0, -1]].any() and not mask[:, [0, -1]].any()
    assert np.abs(np.diff(mask, axis=0)).max() < 0.25  # no hard edge


def test_a_flow_moves_native_pixels(sighting: FaceLandmarks) -> None:
    before, after = _painted(sighting, _answer(1, 0, 0, flow=0.02))
    side = float(np.linalg.norm(fraction_matrix(fit_pose(sighting.points))[:, 0]))
    shift = round(0.02 * side)
    x, y = sighting.points[17, :2].astype(int)  # the lower lip, well inside the mask
    part = after.y[y - 6 : y + 6, x - 6 : x + 6].astype(int)
    errors = {
        k: np.abs(part - before.y[y - 6 + k : y + 6 + k, x - 6 + k : x + 6 + k]).mean()
        for k in range(-4, 5)
    }
    assert min(errors, key=lambda k: float(errors[k])) == shift


def test_a_face_at_the_edge_is_painted_as_far_as_it_is_in_the_picture(
    sighting: FaceLandmarks,
) -> None:
    cut = face_with_opening(0.1)[:, 100:]
    picture = as_picture(cut).writable()
    matrix = fraction_matrix(fit_pose(sighting.points - np.array([100, 0, 0], np.float32)))
    points = mouth_in_patch(matrix, sighting.points - np.array([100, 0, 0], np.float32))
    composite(picture, matrix, _answer(0, 0, 1), mouth_mask(points, points), None)
    assert (picture.y == 64).any()
    outside = np.array([[1.0, 0, 5000], [0, 1.0, 5000]])
    composite(picture, outside, _answer(0, 0, 1), mouth_mask(points, points), None)  # no part of it


def _edge(finer: int) -> npt.NDArray[np.float32]:
    """Shares across an edge that the network drew over three of its pixels, enlarged."""
    ramp = np.interp((np.arange(40 * finer) + 0.5) / finer, [18, 21], [0, 0.9]).astype(np.float32)
    return np.stack([1 - ramp, 0.8 * ramp, 0.2 * ramp], axis=-1)[None]


@pytest.mark.parametrize("finer", [1, 2, 4])
def test_an_edge_between_layers_is_narrow_however_large_the_face(finer: int) -> None:
    own, theirs, paint = sharpen_edges(_edge(finer), float(finer))
    assert np.allclose(own + theirs + paint, 1, atol=1e-6)
    assert min(own.min(), theirs.min(), paint.min()) >= 0
    between = int(((own > 0.12) & (own < 0.88)).sum())
    assert 2 <= between <= 4  # pixels of the picture, whatever their number to one of the network's
    assert np.all(np.diff(own[0]) <= 0)


def test_drawing_layers_apart_moves_no_edge() -> None:
    shares = _edge(4)
    own, theirs, paint = sharpen_edges(shares.copy(), 4.0)
    assert np.array_equal(own > 0.5, shares[..., 0] > 0.5)
    inside = own < 0.5
    assert np.all(theirs[inside] > paint[inside])  # who had more keeps more


def test_a_picture_as_coarse_as_the_network_is_left_to_it() -> None:
    shares = _edge(1)
    for k, share in enumerate(sharpen_edges(shares, 1.0)):
        assert np.array_equal(share, shares[..., k])


@pytest.mark.parametrize(("enlarged", "gain"), [(1, 1.14), (4, 1.25)])
def test_moved_skin_keeps_its_grain(sighting: FaceLandmarks, enlarged: int, gain: float) -> None:
    """Fetched half a pixel beside, grain loses detail; what is given back depends on the size."""
    shape = as_picture(face_with_opening(0.1)).y.shape
    picture = Picture.blank(shape[1] * enlarged, shape[0] * enlarged)
    grain = np.random.default_rng(0).normal(0, 12, picture.y.shape)
    picture.y[:] = np.clip(120 + cv2.GaussianBlur(grain, (0, 0), 0.9), 0, 255)
    points = sighting.points * np.float32(enlarged)
    matrix = fraction_matrix(fit_pose(points))
    mouth = mouth_in_patch(matrix, points)
    side = float(np.linalg.norm(matrix[:, 0]))
    before = picture.y.copy()
    half = _answer(1, 0, 0, flow=0.5 / side)
    composite(picture, matrix, half, mouth_mask(mouth, mouth), None)
    x, y = points[17, :2].astype(int)
    part = np.s_[y - 8 : y + 8, x - 16 : x + 16]
    energy = [float(cv2.Laplacian(p, cv2.CV_64F)[part].var()) for p in (picture.y, before)]
    assert energy[0] / energy[1] == pytest.approx(gain, rel=0.04)
