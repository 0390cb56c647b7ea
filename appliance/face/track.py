"""Track one face through a presenter's frames and smooth the landmarks, without lag.

A track must not depend on how a lecture is divided into chunks. So the presenter's frames are
divided into fixed segments of :data:`SEGMENT_FRAMES` frames; the tracker is reset at the start of
each segment, and its result for a frame is a pure function of that segment's frames. At the start
of a segment the mesh is run until it has converged, so that the difference between two segments is
below the mesh's own noise. Smoothing then uses :data:`CONTEXT_FRAMES` frames on both sides, across
segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from appliance.face.appearance import FaceAppearance, correlation, thumbnail_of
from appliance.face.detect import Detection
from appliance.face.mesh import (
    LEFT_EYE_OUTER,
    RIGHT_EYE_OUTER,
    FaceMesh,
    Patch,
    Region,
    region_of_detection,
    region_of_points,
)
from appliance.face.pose import RIGID_POINTS, Pose, fit_pose
from appliance.face.sampling import Planes

SEGMENT_FRAMES = 50
CONTEXT_FRAMES = 3

# mesh runs at a segment's start: another one moves points < 0.3 % of the eye distance
_CONVERGENCE_STEPS = 4
_MIN_CONFIDENCE = 0.5
_RETRY_EVERY = 5  # frames between detections while there is no face: detection in tiles is slow
_SIGMA = 1.0  # frames; keeps a lip closure of three frames at 25 fps, halves the mesh's jitter
_CUT_JUMP = 0.25  # a jump of more than this many eye distances between frames is a cut
# A smaller jump is a cut, too, if it is this many times the movement in the frames before and
# after, because a head has inertia. Where a speech was cut, heads jump by 0.1 to 0.2; when nodding
# they move by up to 0.1.
_MIN_SUDDEN_JUMP, _SUDDEN_FACTOR = 0.05, 4.0
# The mesh reports a face with high confidence in any picture, so cuts are detected by comparing
# pictures: the area where the face was, downscaled, correlates with that of the frame before by
# more than 0.8 while the person speaks (23 clips, 15 to 30 fps), by 0.55 while the person leaves,
# and by 0.2 after a cut.
_MIN_CORRELATION, _USUAL_CORRELATION = 0.5, 0.8

Points = npt.NDArray[np.float32]


class Indexed(Planes, Protocol):
    """A picture with its frame number in the presenter."""

    @property
    def index(self) -> int: ...


P = TypeVar("P", bound=Indexed)


@dataclass(frozen=True)
class FaceLandmarks:
    """A face in one frame: the mesh's ``points`` (468, 3) float32 and its confidence in 0..1."""

    points: Points
    confidence: float

    @cached_property
    def pose(self) -> Pose:
        """Position and rotation of the head."""
        return fit_pose(self.points)

    @cached_property
    def rigid_points(self) -> Points:
        """The points that speech does not move, (20, 2) in pixels."""
        return self.points[RIGID_POINTS, :2]

    @cached_property
    def eye_distance(self) -> float:
        """Distance of the outer corners of the eyes, in pixels."""
        return float(
            np.linalg.norm(self.points[LEFT_EYE_OUTER, :2] - self.points[RIGHT_EYE_OUTER, :2])
        )


@dataclass(frozen=True)
class TrackedFrame(Generic[P]):
    """A frame and the smoothed face in it, ``None`` where there is none.

    ``presence`` is 1 in the middle of a stretch of frames with a face and falls towards its ends,
    so that the rendered mouth fades instead of appearing suddenly.
    """

    picture: P
    face: FaceLandmarks | None
    presence: float


class FaceSelector(Protocol):
    """Selects the presenter among the faces of frame ``index``; ``None`` if it is none of them."""

    def __call__(self, index: int, faces: list[Detection]) -> Detection | None: ...


class Detector(Protocol):
    """Detects the faces of a picture, as :class:`~appliance.face.detect.FaceDetector` does."""

    def detect(self, picture: Planes, pixel_aspect: float = 1.0) -> list[Detection]: ...


def largest_face(index: int, faces: list[Detection]) -> Detection | None:
    """Return the widest face; ``None`` if there is none."""
    return max(faces, key=lambda face: face.width, default=None)


class FaceTracker:
    """Finds the unsmoothed face, frame by frame in ascending order from a segment's start.

    A face that does not match ``appearance`` is another person's.
    """

    def __init__(
        self,
        detector: Detector,
        mesh: FaceMesh,
        choose: FaceSelector = largest_face,
        pixel_aspect: float = 1.0,
        appearance: FaceAppearance | None = None,
    ) -> None:
        self._appearance = appearance
        self._detector = detector
        self._mesh = mesh
        self._choose = choose
        self._aspect = pixel_aspect
        self._region: Region | None = None
        # area where the face was in the frame before, downscaled
        self._thumbnail: Patch | None = None
        self._started = False

    def step(self, picture: Indexed) -> FaceLandmarks | None:
        """Return the face in ``picture``, which must be the frame after the previous call's.

        While there is no face, it is searched for in the first frame and in every fifth one.
        """
        offset = picture.index % SEGMENT_FRAMES
        if offset == 0:
            self._region = None
        if self._region is not None:
            face = self._measure(picture, self._region, self._thumbnail)
            if face is not None:
                return face
        elif self._started and offset % _RETRY_EVERY:
            return None
        self._started = True
        return self._search(picture)

    def _search(self, picture: Indexed) -> FaceLandmarks | None:
        faces = self._detector.detect(picture, self._aspect)
        chosen = self._choose(picture.index, faces)
        if chosen is None:
            self._region = None
            return None
        region = region_of_detection(chosen, self._aspect)
        face = None
        for _ in range(_CONVERGENCE_STEPS):
            face = self._measure(picture, region)
            if face is None or self._region is None:
                return None
            region = self._region
        if not self._is_presenter():
            self._region = None
            return None
        return face

    @property
    def thumbnail(self) -> Patch | None:
        """The area where the face was in the last frame, scaled down; ``None`` without a face."""
        return None if self._region is None else self._thumbnail

    def _is_presenter(self) -> bool:
        if self._appearance is None or self._thumbnail is None:
            return True
        return self._appearance.matches(self._thumbnail)

    def _measure(
        self, picture: Indexed, region: Region, before: Patch | None = None
    ) -> FaceLandmarks | None:
        """Measure the face in ``region``; ``None`` if the area differs from ``before``."""
        patch = self._mesh.patch(picture, region, self._aspect)
        thumbnail = thumbnail_of(np.asarray(patch, np.float32))
        self._region, self._thumbnail = None, thumbnail
        likeness = 1.0 if before is None else correlation(before, thumbnail)
        if likeness < _MIN_CORRELATION:
            return None
        if likeness < _USUAL_CORRELATION and not self._is_presenter():
            return None  # a cut to another person who sits in the same place
        points, confidence = self._mesh.read(patch, region, self._aspect)
        if confidence < _MIN_CONFIDENCE:
            return None
        self._region = region_of_points(points, self._aspect)
        return FaceLandmarks(points, confidence)


def segment_start(index: int) -> int:
    """Return the frame at which tracking must start so that ``index`` can be smoothed."""
    return max(index - CONTEXT_FRAMES, 0) // SEGMENT_FRAMES * SEGMENT_FRAMES


def smooth_in_window(
    picture: P, window: list[FaceLandmarks | None], exists: list[bool]
) -> TrackedFrame[P]:
    """Return ``picture`` with the smoothed face in the middle of ``window``.

    ``window`` holds the faces of 2 · CONTEXT + 1 frames. ``exists`` distinguishes frames without a
    face from positions beyond the presenter's ends.
    """
    missing = [
        abs(k - CONTEXT_FRAMES)
        for k, (face, real) in enumerate(zip(window, exists, strict=True))
        if real and face is None
    ]
    nearest = min(missing, default=CONTEXT_FRAMES + 1)
    return TrackedFrame(picture, smooth(window), nearest / (CONTEXT_FRAMES + 1))


def smooth(window: list[FaceLandmarks | None]) -> FaceLandmarks | None:
    """Return the Gaussian mean of an odd ``window`` around its middle.

    Only pairs of frames at the same distance on *both* sides count, so the result has no lag; a cut
    ends the neighbourhood. Returns ``None`` if the middle has no face.
    """
    middle = len(window) // 2
    centre = window[middle]
    if centre is None:
        return None
    total, weight = centre.points.astype(np.float64), 1.0
    cut = shot_cuts(window)
    for k in range(1, middle + 1):
        earlier, later = window[middle - k], window[middle + k]
        if earlier is None or later is None or cut[middle - k] or cut[middle + k - 1]:
            break
        share = float(np.exp(-0.5 * (k / _SIGMA) ** 2))
        total += share * (earlier.points.astype(np.float64) + later.points)
        weight += 2 * share
    return FaceLandmarks((total / weight).astype(np.float32), centre.confidence)


def shot_cuts(window: list[FaceLandmarks | None]) -> list[bool]:
    """Return whether there is a cut between each frame of ``window`` and the next."""
    steps = _head_movement(window)
    found = []
    for k, step in enumerate(steps):
        around = [s for s in (steps[k - 1 : k] + steps[k + 1 : k + 2]) if s is not None]
        sudden = (
            bool(around)
            and step is not None
            and step > max(_MIN_SUDDEN_JUMP, _SUDDEN_FACTOR * max(around))
        )
        found.append(step is not None and (step > _CUT_JUMP or sudden))
    return found


def _head_movement(window: list[FaceLandmarks | None]) -> list[float | None]:
    """Return how far the head moves from each frame to the next, in eye distances.

    ``None`` where one of the two frames shows no face.
    """
    steps: list[float | None] = [None] * (len(window) - 1)
    face_pairs = [
        (k, a, b) for k, (a, b) in enumerate(pairwise(window)) if a is not None and b is not None
    ]
    if face_pairs:
        moved = np.linalg.norm(
            np.stack([a.rigid_points - b.rigid_points for _, a, b in face_pairs]), axis=2
        )
        for (k, a, _), mean in zip(face_pairs, moved.mean(axis=1), strict=True):
            steps[k] = float(mean) / max(a.eye_distance, 1e-6)
    return steps
