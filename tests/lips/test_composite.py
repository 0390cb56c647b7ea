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
def landmarks(detector: FaceDetector, mesh: FaceMesh) -> FaceLandmarks:
    picture = as_picture(face_with_opening(0.1))
    points, confidence = mesh(picture, region_of_detection(detector.detect(picture)[0]))
    return FaceLandmarks(points, confidence)


def _output(source: float, reference: float, fill: float, flow: float = 0.0) -> RendererOutput:
    layers = np.zeros((96, 96, 4), np.float32)
    layers[:] = (source, reference, fill, 0.25)
    return RendererOutput(
        np.full((48, 48, 4), flow, np.float32),
        layers,
        np.full((48, 48, 2), 0.75, np.float32),
    )


def _planes_equal(a: Picture, b: Picture) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(a.planes(), b.planes(), strict=True))


def _composited(
    landmarks: FaceLandmarks, output: RendererOutput, reference: bool = False
) -> tuple[Picture, Picture]:
    before = as_picture(face_with_opening(0.1))
    after = before.writable()
    matrix = fraction_matrix(fit_pose(landmarks.points))
    points = mouth_in_patch(matrix, landmarks.points)
    builder = ProfileBuilder()
    builder.add(before, landmarks)
    own = builder.profile().reference if reference else None
    composite(after, matrix, output, mouth_mask(points, points), own)
    return before, after


def test_unmoved_source_changes_no_byte(landmarks: FaceLandmarks) -> None:
    assert _planes_equal(*_composited(landmarks, _output(1, 0, 0)))


def test_unmoved_reference_of_the_same_frame_changes_almost_nothing(
    landmarks: FaceLandmarks,
) -> None:
    before, after = _composited(landmarks, _output(0, 1, 0), reference=True)
    assert np.abs(before.y.astype(int) - after.y).max() <= 2
    assert np.abs(before.u.astype(int) - after.u).max() <= 2


def test_fill_covers_the_lips_and_nothing_outside_the_mask(landmarks: FaceLandmarks) -> None:
    before, after = _composited(landmarks, _output(0, 0, 1))
    x, y = landmarks.points[13, :2].astype(int)
    assert after.y[y, x] == 64  # 0.25 of 255
    assert after.u[y // 2, x // 2] == after.v[y // 2, x // 2] == 191
    changed = np.argwhere(before.y != after.y)
    low, high = changed.min(axis=0), changed.max(axis=0)
    nose, chin = landmarks.points[4, 1], landmarks.points[152, 1]
    eyes = landmarks.eye_distance
    assert low[0] > nose and high[0] < chin + 0.2 * eyes
    assert high[1] - low[1] < 1.3 * eyes


def test_mask_is_soft_and_ends_at_zero() -> None:
    rng = np.random.default_rng(0)
    mouth = rng.uniform(0.2, 0.8, (57, 2)).astype(np.float32)
    mask = mouth_mask(mouth, mouth)
    assert mask.max() == pytest.approx(1.0, abs=1e-3)
    assert not mask[[0, -1]].any() and not mask[:, [0, -1]].any()
    assert np.abs(np.diff(mask, axis=0)).max() < 0.25  # no hard edge


def test_flow_moves_pixels_at_full_resolution(landmarks: FaceLandmarks) -> None:
    before, after = _composited(landmarks, _output(1, 0, 0, flow=0.02))
    side = float(np.linalg.norm(fraction_matrix(fit_pose(landmarks.points))[:, 0]))
    shift = round(0.02 * side)
    x, y = landmarks.points[17, :2].astype(int)  # the lower lip, well inside the mask
    part = after.y[y - 6 : y + 6, x - 6 : x + 6].astype(int)
    errors = {
        k: np.abs(part - before.y[y - 6 + k : y + 6 + k, x - 6 + k : x + 6 + k]).mean()
        for k in range(-4, 5)
    }
    assert min(errors, key=lambda k: float(errors[k])) == shift


def test_face_at_the_edge_is_composited_inside_the_picture(
    landmarks: FaceLandmarks,
) -> None:
    cut = face_with_opening(0.1)[:, 100:]
    picture = as_picture(cut).writable()
    matrix = fraction_matrix(fit_pose(landmarks.points - np.array([100, 0, 0], np.float32)))
    points = mouth_in_patch(matrix, landmarks.points - np.array([100, 0, 0], np.float32))
    composite(picture, matrix, _output(0, 0, 1), mouth_mask(points, points), None)
    assert (picture.y == 64).any()
    outside = np.array([[1.0, 0, 5000], [0, 1.0, 5000]])
    composite(
        picture, outside, _output(0, 0, 1), mouth_mask(points, points), None
    )  # entirely outside


def _edge(finer: int) -> npt.NDArray[np.float32]:
    """Return weights across an edge of three network pixels, enlarged."""
    ramp = np.interp((np.arange(40 * finer) + 0.5) / finer, [18, 21], [0, 0.9]).astype(np.float32)
    return np.stack([1 - ramp, 0.8 * ramp, 0.2 * ramp], axis=-1)[None]


@pytest.mark.parametrize("finer", [1, 2, 4])
def test_edge_between_layers_is_narrow_at_any_face_size(finer: int) -> None:
    source, reference, fill = sharpen_edges(_edge(finer), float(finer))
    assert np.allclose(source + reference + fill, 1, atol=1e-6)
    assert min(source.min(), reference.min(), fill.min()) >= 0
    between = int(((source > 0.12) & (source < 0.88)).sum())
    assert 2 <= between <= 4  # picture pixels, independent of the enlargement
    assert np.all(np.diff(source[0]) <= 0)


def test_sharpening_does_not_move_edges() -> None:
    shares = _edge(4)
    source, reference, fill = sharpen_edges(shares.copy(), 4.0)
    assert np.array_equal(source > 0.5, shares[..., 0] > 0.5)
    inside = source < 0.5
    assert np.all(reference[inside] > fill[inside])  # the larger weight stays larger


def test_weights_are_unchanged_at_the_resolution_of_the_network() -> None:
    shares = _edge(1)
    for k, share in enumerate(sharpen_edges(shares, 1.0)):
        assert np.array_equal(share, shares[..., k])


@pytest.mark.parametrize(("enlarged", "gain"), [(1, 1.14), (4, 1.25)])
def test_moved_skin_keeps_its_fine_detail(
    landmarks: FaceLandmarks, enlarged: int, gain: float
) -> None:
    """Sampling between pixels loses detail; how much is restored depends on the size."""
    shape = as_picture(face_with_opening(0.1)).y.shape
    picture = Picture.blank(shape[1] * enlarged, shape[0] * enlarged)
    grain = np.random.default_rng(0).normal(0, 12, picture.y.shape)
    picture.y[:] = np.clip(120 + cv2.GaussianBlur(grain, (0, 0), 0.9), 0, 255)
    points = landmarks.points * np.float32(enlarged)
    matrix = fraction_matrix(fit_pose(points))
    mouth = mouth_in_patch(matrix, points)
    side = float(np.linalg.norm(matrix[:, 0]))
    before = picture.y.copy()
    half = _output(1, 0, 0, flow=0.5 / side)
    composite(picture, matrix, half, mouth_mask(mouth, mouth), None)
    x, y = points[17, :2].astype(int)
    part = np.s_[y - 8 : y + 8, x - 16 : x + 16]
    energy = [float(cv2.Laplacian(p, cv2.CV_64F)[part].var()) for p in (picture.y, before)]
    assert energy[0] / energy[1] == pytest.approx(gain, rel=0.04)
