"""Tracking and smoothing: independent of the starting frame, and without lag."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from appliance.face.detect import Detection, FaceDetector
from appliance.face.mesh import FaceMesh
from appliance.face.track import (
    CONTEXT_FRAMES,
    SEGMENT_FRAMES,
    FaceLandmarks,
    FaceTracker,
    segment_start,
    smooth,
)
from tests.talking_face import SIZE, as_picture, babble, face_with_opening, portrait

Image = npt.NDArray[np.uint8]
FRAMES = 120
LOST = range(20, 33)  # frames without the presenter
CUT = 80  # first frame after a cut

rng = np.random.default_rng(1)
NOISE = rng.normal(0, 3, (SIZE, SIZE, 3))
OPENINGS = babble(FRAMES, seed=1)


class Frame:
    """A picture with a number."""

    def __init__(self, image: Image, index: int) -> None:
        self.picture = as_picture(image)
        self.index = index

    @property
    def y(self) -> npt.NDArray[np.uint8]:
        return self.picture.y

    @property
    def u(self) -> npt.NDArray[np.uint8]:
        return self.picture.u

    @property
    def v(self) -> npt.NDArray[np.uint8]:
        return self.picture.v


def film(index: int) -> Image:
    """Return frame ``index`` of a head that drifts, speaks, is absent for a while, and is cut."""
    if index in LOST:
        return np.full((SIZE, SIZE, 3), 120, np.uint8)
    grain = np.roll(NOISE, index * 17, axis=1)
    image = np.clip(face_with_opening(float(OPENINGS[index])) + grain, 0, 255).astype(np.uint8)
    shift = -45.0 if index >= CUT else 12 * np.sin(index / 9)
    move = np.array([[1, 0, shift], [0, 1, 5 * np.cos(index / 7)]])
    moved = cv2.warpAffine(image, move, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return [Frame(film(index), index) for index in range(FRAMES)]


Pictures = list[Frame]
Run = list[tuple[int, FaceLandmarks | None]]


def run(detector: FaceDetector, mesh: FaceMesh, frames: Pictures, first: int, stop: int) -> Run:
    """Track ``first`` … ``stop`` - 1 with only the pictures that are needed."""
    tracker = FaceTracker(detector, mesh)
    pictures = frames[segment_start(first) : min(stop + CONTEXT_FRAMES, FRAMES)]
    seen = {picture.index: tracker.step(picture) for picture in pictures}
    around = range(-CONTEXT_FRAMES, CONTEXT_FRAMES + 1)
    return [(index, smooth([seen.get(index + k) for k in around])) for index in range(first, stop)]


@pytest.fixture(scope="module")
def whole(detector: FaceDetector, mesh: FaceMesh, frames: Pictures) -> Run:
    return run(detector, mesh, frames, 0, FRAMES)


def equal(a: FaceLandmarks | None, b: FaceLandmarks | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.confidence == b.confidence and np.array_equal(a.points, b.points)


@pytest.mark.parametrize(
    ("first", "stop"),
    [
        (0, 1),
        (SEGMENT_FRAMES, SEGMENT_FRAMES + 1),
        (SEGMENT_FRAMES - 1, SEGMENT_FRAMES + 2),
        (SEGMENT_FRAMES + CONTEXT_FRAMES - 1, SEGMENT_FRAMES + CONTEXT_FRAMES + 4),
        (SEGMENT_FRAMES + CONTEXT_FRAMES, SEGMENT_FRAMES + CONTEXT_FRAMES + 4),
        (18, 41),
        (CUT - 2, CUT + 2),
        (FRAMES - 3, FRAMES),
    ],
)
def test_any_part_equals_the_whole(
    detector: FaceDetector, mesh: FaceMesh, frames: Pictures, whole: Run, first: int, stop: int
) -> None:
    part = run(detector, mesh, frames, first, stop)
    assert [index for index, _ in part] == list(range(first, stop))
    assert all(
        equal(face, truth) for (_, face), (_, truth) in zip(part, whole[first:stop], strict=True)
    )


def test_segment_start_is_early_enough() -> None:
    for first in range(4 * SEGMENT_FRAMES):
        start = segment_start(first)
        assert start % SEGMENT_FRAMES == 0
        assert start <= max(first - CONTEXT_FRAMES, 0) < start + SEGMENT_FRAMES


def test_face_is_lost_at_once_and_found_again_soon(whole: Run) -> None:
    assert [index for index, _ in whole] == list(range(FRAMES))
    seen = {index for index, face in whole if face is not None}
    assert seen.isdisjoint(LOST)
    assert seen >= set(range(LOST.start)) | set(range(LOST.stop + 5, FRAMES))


def test_landmarks_follow_the_head(whole: Run) -> None:
    still = whole[0][1]
    assert still is not None
    for index, face in whole[:CUT]:
        if face is not None:
            way = [12 * np.sin(index / 9), 5 * np.cos(index / 7) - 5]
            moved = face.points[4, :2] - still.points[4, :2]  # the nose tip
            assert np.abs(moved - way).max() < 0.05 * still.eye_distance


def test_detection_must_be_confirmed_by_the_mesh(detector: FaceDetector, mesh: FaceMesh) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (360, 640, 3), np.uint8)
    assert detector.detect(as_picture(noise)) != []  # a false detection
    assert FaceTracker(detector, mesh).step(Frame(noise, 0)) is None


def test_smoothing_stops_at_a_cut(
    detector: FaceDetector, mesh: FaceMesh, frames: Pictures, whole: Run
) -> None:
    tracker = FaceTracker(detector, mesh)
    raw = {frame.index: tracker.step(frame) for frame in frames[SEGMENT_FRAMES:]}
    for index in (CUT - 1, CUT):
        # The neighbour on one side is beyond the cut, so the frame is not smoothed.
        assert equal(raw[index], whole[index][1])
    calm = whole[CUT - 10][1]
    assert calm is not None
    assert not equal(raw[CUT - 10], calm)


@pytest.mark.parametrize(
    ("zooms", "shift"),
    [((0.5, 1.0), (0, 0)), ((1.0, 0.5), (0, 0)), ((0.6, 0.6), (60, 20)), ((0.6, 1.0), (30, -20))],
)
def test_mesh_does_not_use_the_previous_position_after_a_cut(
    detector: FaceDetector, mesh: FaceMesh, zooms: tuple[float, float], shift: tuple[int, int]
) -> None:
    def scene(zoom: float, x: float, y: float) -> Image:
        move = np.array([[zoom, 0, 128 * (1 - zoom) + x], [0, zoom, 110 * (1 - zoom) + y]])
        size = (SIZE, SIZE)
        return np.asarray(cv2.warpAffine(portrait(), move, size, borderMode=cv2.BORDER_REPLICATE))

    after = scene(zooms[1], *shift)
    tracker = FaceTracker(detector, mesh)
    for index in range(3):
        tracker.step(Frame(scene(zooms[0], 0, 0), index))
    cut = tracker.step(Frame(after, 3))
    truth = FaceTracker(detector, mesh).step(Frame(after, 0))
    assert cut is not None
    assert truth is not None
    assert np.abs(cut.points - truth.points)[:, :2].max() < 0.02 * truth.eye_distance


def test_only_the_selected_face_is_tracked(
    detector: FaceDetector, mesh: FaceMesh, frames: Pictures
) -> None:
    def choose_none(index: int, faces: list[Detection]) -> Detection | None:
        return None

    tracker = FaceTracker(detector, mesh, choose_none)
    assert [tracker.step(frame) for frame in frames[:12]] == [None] * 12


def test_small_face_can_be_selected(detector: FaceDetector, mesh: FaceMesh) -> None:
    small = cv2.resize(portrait(), (160, 160), interpolation=cv2.INTER_AREA)
    both = np.full((SIZE, SIZE + 160, 3), 120, np.uint8)
    both[:, :SIZE], both[48:208, SIZE:] = portrait(), small

    def rightmost(index: int, faces: list[Detection]) -> Detection | None:
        return max(faces, key=lambda face: float(face.centre[0]), default=None)

    largest = FaceTracker(detector, mesh).step(Frame(both, 0))
    named = FaceTracker(detector, mesh, rightmost).step(Frame(both, 0))
    assert largest is not None
    assert named is not None
    assert largest.points[4, 0] < SIZE < named.points[4, 0]
    assert named.eye_distance == pytest.approx(largest.eye_distance * 160 / SIZE, rel=0.05)


def make_landmarks(points: npt.NDArray[np.float64]) -> list[FaceLandmarks | None]:
    """Faces of 100 pixels' eye distance, moved by ``points`` (n, 2) from frame to frame."""
    base = np.zeros((468, 3))
    base[33], base[263] = (-50, 0, 0), (50, 0, 0)
    shifts = np.column_stack([points, np.zeros(len(points))])
    return [FaceLandmarks((base + shift).astype(np.float32), 1.0) for shift in shifts]


def smoothed(window: list[FaceLandmarks | None]) -> npt.NDArray[np.float32]:
    face = smooth(window)
    assert face is not None
    return face.points


def test_smoothing_does_not_delay_steady_motion() -> None:
    motion = np.arange(2 * CONTEXT_FRAMES + 1)[:, None] * [3.0, -2.0] + [100, 200]
    window = make_landmarks(motion)
    middle = window[CONTEXT_FRAMES]
    assert middle is not None
    assert np.array_equal(smoothed(window), middle.points)


@pytest.mark.parametrize("seed", range(3))
def test_smoothing_is_symmetric_in_time(seed: int) -> None:
    window = make_landmarks(np.random.default_rng(seed).normal(0, 2, (2 * CONTEXT_FRAMES + 1, 2)))
    assert np.allclose(smoothed(window), smoothed(window[::-1]), atol=1e-5)


def test_smoothing_halves_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (1000, 2))
    window = make_landmarks(noise)
    calm = [
        smoothed(window[k : k + 2 * CONTEXT_FRAMES + 1])[0, :2]
        for k in range(1000 - 2 * CONTEXT_FRAMES)
    ]
    # A Gaussian of one frame leaves 1 / sqrt(2 sqrt(pi)) = 0.53 of white noise.
    assert np.std(calm) == pytest.approx(0.53, abs=0.03)


@pytest.mark.parametrize("side", [-1, 1])
def test_one_sided_neighbours_are_not_used(side: int) -> None:
    window = make_landmarks(np.random.default_rng(0).normal(0, 1, (2 * CONTEXT_FRAMES + 1, 2)))
    window[CONTEXT_FRAMES + side * 2] = None
    middle = window[CONTEXT_FRAMES]
    assert middle is not None
    near = smoothed(window)
    gone: list[FaceLandmarks | None] = [None] * (CONTEXT_FRAMES - 1)
    lonely = smoothed([*gone, *window[CONTEXT_FRAMES - 1 : CONTEXT_FRAMES + 2], *gone])
    assert np.array_equal(near, lonely)
    window[CONTEXT_FRAMES + side] = None
    assert np.array_equal(smoothed(window), middle.points)
    window[CONTEXT_FRAMES] = None
    assert smooth(window) is None


@pytest.mark.parametrize("jump", [12.0, 60.0])
def test_smoothing_does_not_mix_frames_across_jump_cuts(jump: float) -> None:
    """After the cut the head is 0.12 or 0.6 eye distances away."""
    rest = np.random.default_rng(3).normal(0, 0.3, (4 * CONTEXT_FRAMES, 2))
    rest[2 * CONTEXT_FRAMES :] += [jump, 0]
    window = make_landmarks(rest)
    for centre in range(CONTEXT_FRAMES, 3 * CONTEXT_FRAMES):
        points = smoothed(window[centre - CONTEXT_FRAMES : centre + CONTEXT_FRAMES + 1])
        assert abs(points[0, 0] - (jump if centre >= 2 * CONTEXT_FRAMES else 0)) < 1.5


def test_fast_nod_is_smoothed() -> None:
    """Half a second down and up again at 25 frames a second, up to 0.1 eye distances a frame."""
    down = 40 * (1 - np.cos(np.linspace(0, 2 * np.pi, 13)))
    path = np.zeros((13 + 4 * CONTEXT_FRAMES, 2))
    path[2 * CONTEXT_FRAMES : -2 * CONTEXT_FRAMES, 1] = down
    assert 8 < np.abs(np.diff(path[:, 1])).max() < 25
    grain = np.random.default_rng(0).normal(0, 1, path.shape)
    window = make_landmarks(path + grain)
    for centre in range(CONTEXT_FRAMES, len(path) - CONTEXT_FRAMES):
        middle = window[centre]
        assert middle is not None
        points = smoothed(window[centre - CONTEXT_FRAMES : centre + CONTEXT_FRAMES + 1])
        assert not np.array_equal(points, middle.points)
