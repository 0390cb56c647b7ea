"""The face in every frame of a presenter: computed once, kept in memory and in a cache.

The landmarks of a frame depend on the frames of its segment alone (see
:mod:`appliance.face.track`), so it does not matter when and for which output frame they are
computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from appliance.face.track import SEGMENT, FaceTracker, Indexed, Sighting
from appliance.media.decode import FrameReader

# Segments of landmarks kept in memory for reading backward over them: 22 MB, or 2 MB where a store
# holds them too.
_REMEMBERED, _BESIDE_STORE = 80, 8

Sightings = list[Sighting | None]


class SegmentStore(Protocol):
    """Stores the landmarks of whole segments beyond one lecture."""

    def load(self, segment: int) -> Sightings | None:
        """Return the landmarks saved for ``segment``; ``None`` if they are missing or damaged."""
        ...

    def save(self, segment: int, sightings: Sightings) -> None:
        """Store a whole segment. Errors are ignored: this is only a cache."""
        ...


class PresenterSightings:
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
        self._open = open_reader
        self._frames = frames
        self._make_tracker = make_tracker
        self._store = store
        self._remembered = _REMEMBERED if store is None else _BESIDE_STORE
        self._tracker: FaceTracker | None = None
        self._stepped = -1  # index of the last frame that the tracker processed
        self._segments: dict[int, Sightings] = {}

    def knows(self, first: int, stop: int) -> bool:
        """Return whether frames ``first`` … ``stop`` − 1 are tracked already."""
        return all(self._known(index) for index in range(max(first, 0), min(stop, self._frames)))

    def see(self, picture: Indexed) -> None:
        """Track the face in ``picture``, unless that is done already.

        Cheap for frames in ascending order from the start of a segment; otherwise the segment is
        decoded again.
        """
        if self._known(picture.index):
            return
        segment, place = divmod(picture.index, SEGMENT)
        if place and (self._stepped != picture.index - 1 or segment not in self._segments):
            self.of(picture.index)
            return
        if place == 0:
            self._keep(segment, [])
        self._tracker = self._tracker or self._make_tracker()
        self._segments[segment].append(self._tracker.step(picture))
        self._stepped = picture.index
        self._save_if_whole(segment)

    def of(self, index: int) -> Sighting | None:
        """Return the face in frame ``index``; ``None`` if there is no face or no such frame."""
        if not 0 <= index < self._frames:
            return None
        segment, place = divmod(index, SEGMENT)
        if not self._known(index):
            begin = segment * SEGMENT
            # A separate tracker: the other one may be in the middle of another segment.
            tracker = self._make_tracker()
            with self._open() as reader:
                pictures = reader.read(begin, begin + self._length(segment))
                sightings = [tracker.step(picture) for picture in pictures]
            self._keep(segment, sightings)
            self._save_if_whole(segment)
        return self._segments[segment][place]

    def _known(self, index: int) -> bool:
        segment, place = divmod(index, SEGMENT)
        if segment not in self._segments and self._store is not None:
            found = self._store.load(segment)
            if found is not None and len(found) == self._length(segment):
                self._keep(segment, found)
        return len(self._segments.get(segment, ())) > place

    def _save_if_whole(self, segment: int) -> None:
        if self._store is not None and len(self._segments[segment]) == self._length(segment):
            self._store.save(segment, self._segments[segment])

    def _length(self, segment: int) -> int:
        return min(SEGMENT, self._frames - segment * SEGMENT)

    def _keep(self, segment: int, sightings: Sightings) -> None:
        self._segments.pop(segment, None)
        while len(self._segments) >= self._remembered:
            del self._segments[next(iter(self._segments))]
        self._segments[segment] = sightings
