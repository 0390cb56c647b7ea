"""Tracks of a video: a few numbers per frame, measured by the face mesh.

Nothing is smoothed here, unlike in rendering: smoothing would hide the jitter that is to be
measured. Seven numbers per frame are kept (28 bytes; 3 MB for an hour), pictures are not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.face.mesh import region_of_points
from appliance.face.networks import face_networks
from appliance.face.pose import Pose, fit_pose
from appliance.face.track import SEGMENT_FRAMES, FaceSelector, FaceTracker, Points, largest_face
from appliance.lips.geometry import INNER, LIPS_OUTER, OUTER, mouth_opening, to_face_frame
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.probe import PresenterInfo

Array = npt.NDArray[np.float64]
Track32 = npt.NDArray[np.float32]

LIP_POINTS = np.r_[OUTER, INNER]
_MIN_CONFIDENCE = 0.5  # as the tracker's
# Eye corners, nose bridge and tip: points that speech does not move.
_STILL_POINTS = [33, 133, 362, 263, 168, 6, 197, 195, 5, 4]


@dataclass(frozen=True)
class FaceMeasurement:
    """The face in one frame: the mesh's ``points`` (468, 3) in pixels and the head's ``pose``.

    ``lips`` (40, 2) are the lips' points in the face frame, in eye distances; ``opening`` is the
    distance of the inner lips at the middle, in eye distances.
    """

    points: Points
    pose: Pose
    lips: Array
    opening: float

    @classmethod
    def of_points(cls, points: Points) -> FaceMeasurement:
        """Return the measurement of the mesh's ``points`` (468, 3)."""
        pose = fit_pose(points)
        shape = to_face_frame(points, pose)
        return cls(points, pose, shape[LIP_POINTS, :2], float(mouth_opening(shape)))


@dataclass(frozen=True)
class ScoredFrame:
    """A frame of the video and the face in it, ``None`` if there is none."""

    picture: Picture
    face: FaceMeasurement | None


class FaceTracks:
    """One value per frame, NaN where there is no face or the frame was not measured.

    ``opening`` is that of the mouth. ``lips_moved`` is the mean movement of the lips' points since
    the previous frame in the face frame, that is, without the movement of the head. ``head_moved``
    is that of the eyes and the nose in the picture. All are in eye distances. ``mouths``
    (frames, 4) is the box around the lips: left, top, right, bottom, in pixels.
    ``measured`` marks the frames that were measured.
    """

    def __init__(self, frames: int, fps: float) -> None:
        self.fps = fps
        self.opening: Track32 = np.full(frames, np.nan, np.float32)
        self.lips_moved: Track32 = np.full(frames, np.nan, np.float32)
        self.head_moved: Track32 = np.full(frames, np.nan, np.float32)
        self.mouths: Track32 = np.full((frames, 4), np.nan, np.float32)
        self.measured = np.zeros(frames, np.bool_)
        self._last: tuple[int, FaceMeasurement | None] = (-2, None)

    def add(self, index: int, face: FaceMeasurement | None) -> None:
        """Add frame ``index``; ``face`` is ``None`` if there is none."""
        self.measured[index] = True
        before = self._last[1] if self._last[0] == index - 1 else None
        self._last = index, face
        if face is None:
            return
        self.opening[index] = face.opening
        lips = face.points[list(LIPS_OUTER), :2]
        self.mouths[index] = *lips.min(axis=0), *lips.max(axis=0)
        if before is not None:
            self.lips_moved[index] = _mean_distance(face.lips, before.lips)
            self.head_moved[index] = _mean_distance(
                face.points[_STILL_POINTS, :2], before.points[_STILL_POINTS, :2]
            ) / float(face.pose.scale)

    @property
    def coverage(self) -> float:
        """Share of the measured frames that show a face."""
        return (
            float(np.isfinite(self.opening[self.measured]).mean()) if self.measured.any() else 0.0
        )


class VideoTracker:
    """Reads a video and tracks its face, filling ``tracks``. A context manager."""

    def __init__(self, info: PresenterInfo, choose: FaceSelector = largest_face) -> None:
        self.info = info
        self.fps = float(info.fps)
        self.tracks = FaceTracks(info.frames, self.fps)
        self._choose = choose
        self._detector, self._mesh = face_networks()
        self._reader = FrameReader(info)

    def __enter__(self) -> VideoTracker:
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.close()

    def track(self, first: int, stop: int) -> Iterator[ScoredFrame]:
        """Yield frames ``first`` (rounded down to a segment's start) … ``stop`` - 1."""
        first, stop = max(first // SEGMENT_FRAMES * SEGMENT_FRAMES, 0), min(stop, self.info.frames)
        tracker = FaceTracker(self._detector, self._mesh, self._choose, float(self.info.sar))
        for picture in self._reader.read(min(first, stop), stop):
            landmarks = tracker.step(picture)
            face = FaceMeasurement.of_points(landmarks.points) if landmarks is not None else None
            self.tracks.add(picture.index, face)
            yield ScoredFrame(picture, face)

    def face_near(self, picture: Picture, face: FaceMeasurement) -> FaceMeasurement | None:
        """Return the face in another picture of the same moment, near ``face`` of the video."""
        aspect = float(self.info.sar)
        points, confidence = self._mesh(picture, region_of_points(face.points, aspect), aspect)
        return FaceMeasurement.of_points(points) if confidence >= _MIN_CONFIDENCE else None


class ReferenceTracker:
    """Reads the lips of another video at requested times, in ascending order."""

    def __init__(self, tracker: VideoTracker, first: int, stop: int) -> None:
        self._fps = tracker.fps
        self._frames = tracker.track(first, stop)
        self._recent: deque[tuple[int, FaceMeasurement | None]] = deque(maxlen=2)

    def lips_at(self, time: float) -> Array | None:
        """Return the lips (40, 2) at ``time`` in seconds, interpolated linearly between frames."""
        position = time * self._fps
        low = int(np.floor(position + 1e-6))
        share = max(position - low, 0.0)
        last = low if share < 1e-6 else low + 1
        while not self._recent or self._recent[-1][0] < last:
            frame = next(self._frames, None)
            if frame is None:
                break
            self._recent.append((frame.picture.index, frame.face))
        faces = dict(self._recent)
        earlier, later = faces.get(low), faces.get(last)
        if earlier is None or later is None:
            return None
        return earlier.lips if last == low else (1 - share) * earlier.lips + share * later.lips

    def finish(self) -> None:
        """Read the remaining frames, so that the tracks are complete."""
        deque(self._frames, maxlen=0)


def _mean_distance(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    return float(np.linalg.norm(a - b, axis=-1).mean())
