"""The presenter's frames in the order in which the lecture shows them, each with its face."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

from appliance.face.track import (
    CONTEXT,
    SEGMENT,
    FaceTracker,
    Indexed,
    Sighting,
    Tracked,
    in_context,
    segment_start,
    track,
)
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.timeline import runs
from appliance.render.ahead import ahead
from appliance.render.clock import Stopwatch

_REMEMBERED = 80  # segments of sightings (22 MB) kept for running back over them


class PresenterFrames:
    """Decodes and tracks what output frames need, forward or backward.

    ``open_reader`` opens the presenter anew and ``make_tracker`` gives a fresh tracker; ``block``
    is how many pictures running backward may hold; ``depth`` how many wait between two stages.
    """

    def __init__(
        self,
        open_reader: Callable[[], FrameReader],
        frames: int,
        make_tracker: Callable[[], FaceTracker],
        depth: int,
        block: int,
        watch: Stopwatch,
    ) -> None:
        self._open = open_reader
        self._frames = frames
        self._sightings = _Sightings(open_reader, frames, make_tracker, watch)
        self._depth = depth
        self._block = block
        self._watch = watch

    def show(self, start: int, stop: int) -> Generator[Tracked[Picture], None, None]:
        """The frames for output frames ``start`` … ``stop`` − 1, in their order."""
        if self._frames == 1:
            still = next(self._forward(0, 1))
            for _ in range(start, stop):
                yield still
            return
        for run in runs(start, stop, self._frames):
            if run.step > 0:
                yield from self._forward(run.start, run.stop)
            else:
                yield from self._backward(run.start, run.stop)

    def _forward(self, first: int, stop: int) -> Iterator[Tracked[Picture]]:
        begin, end = segment_start(first), min(stop + CONTEXT, self._frames)
        with ExitStack() as stack:
            reader = stack.enter_context(self._open())
            decoded = self._watch.each("decode", reader.read(begin, end))
            pictures = stack.enter_context(ahead(decoded, self._depth))
            tracked = track(pictures, self._sightings, first, stop)
            yield from stack.enter_context(ahead(tracked, self._depth))

    def _backward(self, first: int, stop: int) -> Iterator[Tracked[Picture]]:
        """Frames ``first``, ``first - 1`` … ``stop + 1``."""
        with ExitStack() as stack:
            reader = stack.enter_context(self._open())
            pictures = reader.read_backward(first + 1, stop + 1, self._block)
            decoded = self._watch.each("decode", pictures)
            for picture in stack.enter_context(ahead(decoded, self._depth)):
                around = range(picture.index - CONTEXT, picture.index + CONTEXT + 1)
                window = [self._sightings.of(i) for i in around]
                yield in_context(picture, window, [0 <= i < self._frames for i in around])


class _Sightings:
    """What the tracker saw in the last segments, and what it sees in others when asked."""

    def __init__(
        self,
        open_reader: Callable[[], FrameReader],
        frames: int,
        make_tracker: Callable[[], FaceTracker],
        watch: Stopwatch,
    ) -> None:
        self._open = open_reader
        self._frames = frames
        self._make_tracker = make_tracker
        self._watch = watch
        self._tracker = make_tracker()
        self._segments: dict[int, list[Sighting | None]] = {}

    def step(self, picture: Indexed) -> Sighting | None:
        """Track on, from a segment's start in rising order, and remember."""
        segment, place = divmod(picture.index, SEGMENT)
        if place == 0:
            self._keep(segment, [])
        with self._watch.stage("face"):
            sighting = self._tracker.step(picture)
        self._segments[segment].append(sighting)
        return sighting

    def of(self, index: int) -> Sighting | None:
        """The sighting in frame ``index``; ``None`` too where there is no such frame."""
        if not 0 <= index < self._frames:
            return None
        segment, place = divmod(index, SEGMENT)
        if len(self._segments.get(segment, [])) <= place:
            begin = segment * SEGMENT
            tracker = self._make_tracker()
            with self._open() as reader:
                pictures = reader.read(begin, min(begin + SEGMENT, self._frames))
                with self._watch.stage("face"):
                    self._keep(segment, [tracker.step(picture) for picture in pictures])
        return self._segments[segment][place]

    def _keep(self, segment: int, sightings: list[Sighting | None]) -> None:
        self._segments.pop(segment, None)
        while len(self._segments) >= _REMEMBERED:
            del self._segments[next(iter(self._segments))]
        self._segments[segment] = sightings
