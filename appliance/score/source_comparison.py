"""Compare the frames of the video with the presenter's frames that they were made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from appliance.face.track import Points
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.pingpong import frame_runs
from appliance.media.probe import PresenterInfo, probe_presenter
from appliance.score.face_tracks import FaceMeasurement, ScoredFrame, VideoTracker
from appliance.score.mouth_look import LookTrack
from appliance.score.outside_mouth import OutsideMouthMeter
from appliance.score.sharpness import SharpnessMeter

SourceFaces = Callable[[int], Points | None]
"""Returns the mesh's points in a frame of the presenter; ``None`` where they are not known."""

_FPS_TOLERANCE = 1e-3
_MAX_PRESENTER_S = 20.0  # seconds of another presenter's frames that are measured


class SourceComparison:
    """Compares each frame of the video with the source's frame of the same moment."""

    def __init__(
        self, info: PresenterInfo, source: PresenterInfo, faces: SourceFaces | None
    ) -> None:
        self._source = source
        self._faces = faces
        self.reader = FrameReader(source)
        self.sharpness = SharpnessMeter(info.frames)
        self.outside = OutsideMouthMeter(info.width, info.height)
        self.looks = LookTrack(info.frames)
        self.photo_opening: float | None = None
        """Mouth opening in the source, if that is a photo."""

    @classmethod
    def open(
        cls, info: PresenterInfo, path: Path, faces: SourceFaces | None = None
    ) -> SourceComparison | None:
        """Return ``None`` if the source's frames do not match the video's.

        ``faces`` returns landmarks of the source that are known already.
        """
        side = min(info.width, info.height)
        source = probe_presenter(path, max_fps=max(round(info.fps), 1), short_side=side)
        same_size = (source.width, source.height) == (info.width, info.height)
        same_rate = abs(float(source.fps / info.fps) - 1) < _FPS_TOLERANCE or source.is_still
        return cls(info, source, faces) if same_size and same_rate else None

    def originals(self, first: int, stop: int) -> Iterator[Picture | None]:
        """Yield the source's pictures for frames ``first`` to ``stop`` - 1.

        ``None`` where the presenter runs backward: decoding backward is slow, and the same frames
        are measured while it runs forward.
        """
        for run in frame_runs(first, stop, self._source.frames):
            if run.step > 0:
                yield from self.reader.read(run.start, run.stop)
            else:
                yield from [None] * len(run.frames)

    def add(self, frame: ScoredFrame, original: Picture | None, tracker: VideoTracker) -> None:
        """Compare a frame with its original, if there is one."""
        if original is None:
            return
        face = frame.face
        source_face = self._source_face(original, face, tracker) if face is not None else None
        self.outside.add(frame.picture, original, face, source_face)
        if source_face is None or face is None:
            return
        self.sharpness.add(frame.picture.index, frame.picture, original, (face, source_face))
        if not self._source.is_still:
            self.looks.add(frame.picture.index, original, source_face)
        elif self.photo_opening is None:
            self.looks.add(frame.picture.index, original, source_face)
            self.photo_opening = source_face.opening

    def _source_face(
        self, original: Picture, face: FaceMeasurement, tracker: VideoTracker
    ) -> FaceMeasurement | None:
        points = self._faces(original.index) if self._faces is not None else None
        if points is not None:
            # The cache keeps mouth and pose alone; the brows are where they are in the video.
            known = np.isfinite(points)
            return FaceMeasurement.of_points(np.where(known, points, face.points))
        return tracker.face_near(original, face)


def track_presenter(path: Path) -> LookTrack | None:
    """Return the looks in a presenter's file of other moments than the video's.

    ``None`` if it shows no face.
    """
    info = probe_presenter(path)
    looks = LookTrack(info.frames)
    with VideoTracker(info) as tracker:
        for frame in tracker.track(0, max(round(_MAX_PRESENTER_S * tracker.fps), 1)):
            if frame.face is not None:
                looks.add(frame.picture.index, frame.picture, frame.face)
    return looks if tracker.tracks.coverage else None
