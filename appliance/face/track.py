"""Track one face through a presenter's frames and smooth the landmarks, without lag.

A track must not depend on how a lecture is divided into chunks. So the presenter's frames are
divided into fixed segments of :data:`SEGMENT` frames; the tracker is reset at the start of each
segment, and its result for a frame is a pure function of that segment's frames. At the start of a
segment the mesh is run until it has converged, so that the difference between two segments is below
the mesh's own noise. Smoothing then uses :data:`CONTEXT` frames on both sides, across segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

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

SEGMENT = 50
CONTEXT = 3

# mesh runs at a segment's start: another one moves points < 0.3 % of the eye distance
_SETTLE_STEPS = 4
_MIN_CONFIDENCE = 0.5
_RETRY_EVERY = 5  # frames between searches while there is no face: searching tiles is slow
_SIGMA = 1.0  # frames; keeps a lip closure of three frames at 25 fps, halves the mesh's jitter
_CUT = 0.25  # a jump of more than this many eye distances between frames is a cut, not a movement
# So is a smaller jump that is also this many times the movement in the frames before and after,
# because a head has inertia. Where a speech was cut, heads jump by 0.1 to 0.2; when nodding they
# move by up to 0.1.
_SUDDEN, _TIMES = 0.05, 4.0
# The mesh reports a face with high confidence in any picture, so cuts are detected by comparing
# pictures: the area where the face was, downscaled, correlates with that of the frame before by
# more than 0.8 while the person speaks (23 clips, 15 to 30 fps), by 0.55 while the person leaves,
# and by 0.2 after a cut.
_GLIMPSE, _ALIKE = 24, 0.5
_FLAT = 1e-5  # variance (of values in 0..1) below which an area is flat

Points = npt.NDArray[np.float32]


class Indexed(Planes, Protocol):
    """A picture with its frame number in the presenter."""

    @property
    def index(self) -> int: ...


P = TypeVar("P", bound=Indexed)


@dataclass(frozen=True)
class Sighting:
    """A face in one frame: the mesh's ``points`` (468, 3) float32 and its confidence in 0..1."""

    points: Points
    confidence: float

    @cached_property
    def pose(self) -> Pose:
        """Position and rotation of the head."""
        return fit_pose(self.points)

    @cached_property
    def rigid(self) -> Points:
        """The points that speech does not move, (20, 2) in pixels."""
        return self.points[RIGID_POINTS, :2]

    @cached_property
    def eye_distance(self) -> float:
        """Distance of the outer corners of the eyes, in pixels."""
        return float(
            np.linalg.norm(self.points[LEFT_EYE_OUTER, :2] - self.points[RIGHT_EYE_OUTER, :2])
        )


@dataclass(frozen=True)
class Tracked(Generic[P]):
    """A frame and the smoothed face in it, ``None`` where there is none.

    ``presence`` is 1 in the middle of a stretch of frames with a face and falls towards its ends,
    so that the rendered mouth fades instead of appearing suddenly.
    """

    picture: P
    face: Sighting | None
    presence: float


class Chooser(Protocol):
    """Selects the presenter among the faces of frame ``index``; ``None`` if it is none of them."""

    def __call__(self, index: int, faces: list[Detection]) -> Detection | None: ...


class Detector(Protocol):
    """Detects the faces of a picture, as :class:`~appliance.face.detect.FaceDetector` does."""

    def detect(self, picture: Planes, pixel_aspect: float = 1.0) -> list[Detection]: ...


def largest_face(index: int, faces: list[Detection]) -> Detection | None:
    """Return the widest face; ``None`` if there is none."""
    return max(faces, key=lambda face: face.width, default=None)


class FaceTracker:
    """Finds the unsmoothed face, frame by frame in ascending order from a segment's start."""

    def __init__(
        self,
        detector: Detector,
        mesh: FaceMesh,
        choose: Chooser = largest_face,
        pixel_aspect: float = 1.0,
    ) -> None:
        self._detector = detector
        self._mesh = mesh
        self._choose = choose
        self._aspect = pixel_aspect
        self._region: Region | None = None
        # area where the face was in the frame before, downscaled
        self._glimpse: Patch | None = None

    def step(self, picture: Indexed) -> Sighting | None:
        """Return the face in ``picture``, which must be the frame after the previous call's."""
        place = picture.index % SEGMENT
        if place == 0:
            self._region = None
        if self._region is not None:
            sighting = self._look(picture, self._region, self._glimpse)
            if sighting is not None:
                return sighting
        elif place % _RETRY_EVERY:
            return None
        return self._search(picture)

    def _search(self, picture: Indexed) -> Sighting | None:
        faces = self._detector.detect(picture, self._aspect)
        chosen = self._choose(picture.index, faces)
        if chosen is None:
            self._region = None
            return None
        region = region_of_detection(chosen, self._aspect)
        sighting = None
        for _ in range(_SETTLE_STEPS):
            sighting = self._look(picture, region)
            if sighting is None or self._region is None:
                return None
            region = self._region
        return sighting

    def _look(
        self, picture: Indexed, region: Region, before: Patch | None = None
    ) -> Sighting | None:
        """Measure the face in ``region``; ``None`` if the area differs from ``before``."""
        patch = self._mesh.patch(picture, region, self._aspect)
        glimpse = np.asarray(
            cv2.resize(patch, (_GLIMPSE, _GLIMPSE), interpolation=cv2.INTER_AREA), np.float32
        )
        self._region, self._glimpse = None, glimpse
        if before is not None and _correlation(before, glimpse) < _ALIKE:
            return None
        points, confidence = self._mesh.read(patch, region, self._aspect)
        if confidence < _MIN_CONFIDENCE:
            return None
        self._region = region_of_points(points, self._aspect)
        return Sighting(points, confidence)


def _correlation(a: Patch, b: Patch) -> float:
    """Return the correlation (-1..1) of two areas of equal size; 0 if one is flat."""
    x, y = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
    power = float(np.sqrt((x * x).mean() * (y * y).mean()))
    return float((x * y).mean()) / power if power > _FLAT else 0.0


def segment_start(index: int) -> int:
    """Return the frame at which tracking must start so that ``index`` can be smoothed."""
    return max(index - CONTEXT, 0) // SEGMENT * SEGMENT


def in_context(picture: P, window: list[Sighting | None], exists: list[bool]) -> Tracked[P]:
    """Return ``picture`` with the smoothed face in the middle of ``window``.

    ``window`` holds the faces of 2 · CONTEXT + 1 frames. ``exists`` distinguishes frames without a
    face from positions beyond the presenter's ends.
    """
    missing = [
        abs(k - CONTEXT)
        for k, (sighting, real) in enumerate(zip(window, exists, strict=True))
        if real and sighting is None
    ]
    nearest = min(missing, default=CONTEXT + 1)
    return Tracked(picture, smooth(window), nearest / (CONTEXT + 1))


def smooth(window: list[Sighting | None]) -> Sighting | None:
    """Return the Gaussian mean of an odd ``window`` around its middle.

    Only pairs of frames at the same distance on *both* sides count, so the result has no lag; a cut
    ends the neighbourhood. Returns ``None`` if the middle has no face.
    """
    middle = len(window) // 2
    centre = window[middle]
    if centre is None:
        return None
    total, weight = centre.points.astype(np.float64), 1.0
    cut = _cuts(window)
    for k in range(1, middle + 1):
        earlier, later = window[middle - k], window[middle + k]
        if earlier is None or later is None or cut[middle - k] or cut[middle + k - 1]:
            break
        share = float(np.exp(-0.5 * (k / _SIGMA) ** 2))
        total += share * (earlier.points.astype(np.float64) + later.points)
        weight += 2 * share
    return Sighting((total / weight).astype(np.float32), centre.confidence)


def _cuts(window: list[Sighting | None]) -> list[bool]:
    """Return whether there is a cut between each frame of ``window`` and the next."""
    steps = _steps(window)
    found = []
    for k, step in enumerate(steps):
        around = [s for s in (steps[k - 1 : k] + steps[k + 1 : k + 2]) if s is not None]
        sudden = bool(around) and step is not None and step > max(_SUDDEN, _TIMES * max(around))
        found.append(step is not None and (step > _CUT or sudden))
    return found


def _steps(window: list[Sighting | None]) -> list[float | None]:
    """Return how far the head moves from each frame to the next, in eye distances.

    ``None`` where one of the two frames shows no face.
    """
    steps: list[float | None] = [None] * (len(window) - 1)
    seen = [
        (k, a, b) for k, (a, b) in enumerate(pairwise(window)) if a is not None and b is not None
    ]
    if seen:
        moved = np.linalg.norm(np.stack([a.rigid - b.rigid for _, a, b in seen]), axis=2)
        for (k, a, _), mean in zip(seen, moved.mean(axis=1), strict=True):
            steps[k] = float(mean) / max(a.eye_distance, 1e-6)
    return steps
