"""The face in every frame of a presenter: computed once, kept in memory and in a cache.

The landmarks of a frame depend on the frames of its segment alone (see
:mod:`appliance.face.track`), so it does not matter when and for which output frame they are
computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from appliance.face.track import SEGMENT_FRAMES, FaceLandmarks, FaceTracker, Indexed
from appliance.media.decode import FrameReader

# Segments of landmarks kept in memory for reading backward over them: 22 MB, or 2 MB where they are
# in a store, too.
_MAX_SEGMENTS, _MAX_SEGMENTS_WITH_STORE = 80, 8

Landmarks = list[FaceLandmarks | None]


class SegmentStore(Protocol):
    """Storage for the landmarks of whole segments, reused by later lectures."""

    def load(self, segment: int) -> Landmarks | None:
        """Return the landmarks saved for ``segment``; ``None`` if they are missing or damaged."""
        ...

    def save(self, segment: int, landmarks: Landmarks) -> None:
        """Store a whole segment. Errors are ignored: this is only a cache."""
        ...


class LandmarkTrack:
    """The landmarks of a presenter's ``frames``, in any order; used by one thread at a time.

    ``open_reader`` opens the presenter again and ``make_tracker`` returns a new tracker; both are
    called only when needed.
    """

    def __init__(
        self,
        open_reader: Callable[[], FrameReader],
        frames: int,
        make_tracker: Callable[[], FaceTracker],
        store: SegmentStore | None = None,
    ) -> None:
        self._open_reader = open_reader
        self._frames = frames
        self._make_tracker = make_tracker
        self._store = store
        self._max_segments = _MAX_SEGMENTS if store is None else _MAX_SEGMENTS_WITH_STORE
        self._tracker: FaceTracker | None = None
        self._last_tracked = -1  # index of the last frame that the tracker processed
        self._segments: dict[int, Landmarks] = {}

    def covers(self, first: int, stop: int) -> bool:
        """Return whether frames ``first`` … ``stop`` − 1 have been tracked already."""
        return all(
            self._is_tracked(index) for index in range(max(first, 0), min(stop, self._frames))
        )

    def update(self, picture: Indexed) -> None:
        """Track the face in ``picture``, unless it has been tracked already.

        Cheap for frames in ascending order from the start of a segment; otherwise the segment is
        decoded again.
        """
        if self._is_tracked(picture.index):
            return
        segment, offset = divmod(picture.index, SEGMENT_FRAMES)
        if offset and (self._last_tracked != picture.index - 1 or segment not in self._segments):
            self.at(picture.index)
            return
        if offset == 0:
            self._add_segment(segment, [])
        self._tracker = self._tracker or self._make_tracker()
        self._segments[segment].append(self._tracker.step(picture))
        self._last_tracked = picture.index
        self._save_if_complete(segment)

    def at(self, index: int) -> FaceLandmarks | None:
        """Return the face in frame ``index``; ``None`` if there is no face or no such frame."""
        if not 0 <= index < self._frames:
            return None
        segment, offset = divmod(index, SEGMENT_FRAMES)
        if not self._is_tracked(index):
            begin = segment * SEGMENT_FRAMES
            # A separate tracker: ``self._tracker`` may be in the middle of another segment.
            tracker = self._make_tracker()
            with self._open_reader() as reader:
                pictures = reader.read(begin, begin + self._segment_length(segment))
                landmarks = [tracker.step(picture) for picture in pictures]
            self._add_segment(segment, landmarks)
            self._save_if_complete(segment)
        return self._segments[segment][offset]

    def _is_tracked(self, index: int) -> bool:
        segment, offset = divmod(index, SEGMENT_FRAMES)
        if segment not in self._segments and self._store is not None:
            stored = self._store.load(segment)
            if stored is not None and len(stored) == self._segment_length(segment):
                self._add_segment(segment, stored)
        return len(self._segments.get(segment, ())) > offset

    def _save_if_complete(self, segment: int) -> None:
        if self._store is not None and len(self._segments[segment]) == self._segment_length(
            segment
        ):
            self._store.save(segment, self._segments[segment])

    def _segment_length(self, segment: int) -> int:
        return min(SEGMENT_FRAMES, self._frames - segment * SEGMENT_FRAMES)

    def _add_segment(self, segment: int, landmarks: Landmarks) -> None:
        self._segments.pop(segment, None)
        while len(self._segments) >= self._max_segments:
            del self._segments[next(iter(self._segments))]
        self._segments[segment] = landmarks
