"""Follow one face through a presenter's frames and smooth what the mesh says, without lag.

A track must not depend on how a lecture was cut into chunks. So the presenter's frames are divided
into fixed segments of :data:`SEGMENT` frames; the tracker forgets everything at each segment's
start, and what it says of a frame is a pure function of that segment's frames. At a start the mesh
is run until it has settled, so that the seam between two segments is below the mesh's own noise.
Smoothing then looks :data:`CONTEXT` frames to both sides, segments regardless.
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

_SETTLE_STEPS = 4  # mesh runs at a segment's start: a step moves points < 0.3 % of the eye distance
_MIN_CONFIDENCE = 0.5
_RETRY_EVERY = 5  # frames between searches while no face is seen: a tiled search is slow
_SIGMA = 1.0  # frames; keeps a 25 fps lip closure of three frames, halves the mesh's jitter
_CUT = 0.25  # a jump of this many eye distances between frames is a cut, not a movement
# So is a smaller one that is this many times the frames' movement before and after it: a head has
# weight. A speech that was cut together jumps by 0.1 to 0.2, heads nod by up to 0.1.
_SUDDEN, _TIMES = 0.05, 4.0
# The mesh finds a face in whatever it is shown and is sure of it, so a cut is told by the picture:
# a glimpse of where the face was correlates by more than 0.8 with the frame before while somebody
# speaks (23 clips, 15 to 30 fps), by 0.55 while somebody walks off, and by 0.2 after a cut.
_GLIMPSE, _ALIKE = 24, 0.5
_FLAT = 1e-5  # a variance that is no picture, of values in 0..1

Points = npt.NDArray[np.float32]


class Indexed(Planes, Protocol):
    """A picture that knows its frame number in the presenter."""

    @property
    def index(self) -> int: ...


P = TypeVar("P", bound=Indexed)


@dataclass(frozen=True)
class Sighting:
    """A face in one frame: ``points`` (468, 3) float32 as the mesh gives them, confidence 0..1."""

    points: Points
    confidence: float

    @cached_property
    def pose(self) -> Pose:
        """Where the head is, and how it is turned."""
        return fit_pose(self.points)

    @cached_property
    def rigid(self) -> Points:
        """The points that speech does not move, (20, 2) in pixels."""
        return self.points[RIGID_POINTS, :2]

    @cached_property
    def eye_distance(self) -> float:
        """Between the outer corners of the eyes, in pixels."""
        return float(
            np.linalg.norm(self.points[LEFT_EYE_OUTER, :2] - self.points[RIGHT_EYE_OUTER, :2])
        )


@dataclass(frozen=True)
class Tracked(Generic[P]):
    """A frame and the smoothed face in it, ``None`` where there is none.

    ``presence`` is 1 in the middle of a stretch of frames with a face and falls towards its ends,
    so that what is painted on the face can fade instead of popping.
    """

    picture: P
    face: Sighting | None
    presence: float


class Chooser(Protocol):
    """Picks the presenter among the faces of frame ``index``; ``None`` if it is none of them."""

    def __call__(self, index: int, faces: list[Detection]) -> Detection | None: ...


class Detector(Protocol):
    """Finds the faces of a picture, as :class:`~appliance.face.detect.FaceDetector` does."""

    def detect(self, picture: Planes, pixel_aspect: float = 1.0) -> list[Detection]: ...


def largest_face(index: int, faces: list[Detection]) -> Detection | None:
    """The widest face, whoever it is."""
    return max(faces, key=lambda face: face.width, default=None)


class FaceTracker:
    """Unsmoothed sightings, frame after frame in rising order from a segment's start."""

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
        self._glimpse: Patch | None = None  # of where the face was, in the frame before

    def step(self, picture: Indexed) -> Sighting | None:
        """The face in ``picture``, the successor of the picture before."""
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
        """What the mesh sees in ``region``; nothing where that is unlike the glimpse ``before``."""
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
    """Of two equally large pieces of picture, -1..1; 0 where one is flat."""
    x, y = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
    power = float(np.sqrt((x * x).mean() * (y * y).mean()))
    return float((x * y).mean()) / power if power > _FLAT else 0.0


def segment_start(index: int) -> int:
    """The frame from which tracking must start so that ``index`` can be smoothed."""
    return max(index - CONTEXT, 0) // SEGMENT * SEGMENT


def in_context(picture: P, window: list[Sighting | None], exists: list[bool]) -> Tracked[P]:
    """``picture`` with the face in the middle of its ``window`` of 2 · CONTEXT + 1 sightings.

    ``exists`` tells frames without a face from places beyond the presenter's ends.
    """
    missing = [
        abs(k - CONTEXT)
        for k, (sighting, real) in enumerate(zip(window, exists, strict=True))
        if real and sighting is None
    ]
    nearest = min(missing, default=CONTEXT + 1)
    return Tracked(picture, smooth(window), nearest / (CONTEXT + 1))


def smooth(window: list[Sighting | None]) -> Sighting | None:
    """Gaussian mean of the middle of an odd ``window`` and the neighbours it has on *both* sides.

    Only symmetric pairs count, so the result has no lag; a cut ends the neighbourhood.
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
    """Whether there is a cut between each frame of ``window`` and the next."""
    steps = _steps(window)
    found = []
    for k, step in enumerate(steps):
        around = [s for s in (steps[k - 1 : k] + steps[k + 1 : k + 2]) if s is not None]
        sudden = bool(around) and step is not None and step > max(_SUDDEN, _TIMES * max(around))
        found.append(step is not None and (step > _CUT or sudden))
    return found


def _steps(window: list[Sighting | None]) -> list[float | None]:
    """How far the head moves from each frame to the next, in eye distances; ``None`` where one of
    the two shows no face."""
    steps: list[float | None] = [None] * (len(window) - 1)
    seen = [
        (k, a, b) for k, (a, b) in enumerate(pairwise(window)) if a is not None and b is not None
    ]
    if seen:
        moved = np.linalg.norm(np.stack([a.rigid - b.rigid for _, a, b in seen]), axis=2)
        for (k, a, _), mean in zip(seen, moved.mean(axis=1), strict=True):
            steps[k] = float(mean) / max(a.eye_distance, 1e-6)
    return steps
