"""The presenter's frames in the order of the lecture, each with its face."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

from appliance.face.track import CONTEXT, Tracked, in_context, segment_start
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.timeline import runs
from appliance.render.ahead import ahead
from appliance.render.clock import Stopwatch
from appliance.render.sightings import PresenterSightings


class PresenterFrames:
    """Decodes and tracks the presenter frames that output frames need, forward or backward.

    One object serves many chunks: where the next one continues the last, nothing is decoded or
    tracked twice. ``open_reader`` opens the presenter again, ``frames`` is the presenter's length,
    ``depth`` is how many frames are queued between two stages and ``block`` how many are buffered
    while reading backward. Call :meth:`close` when done.
    """

    def __init__(
        self,
        open_reader: Callable[[], FrameReader],
        frames: int,
        sightings: PresenterSightings,
        depth: int,
        block: int,
    ) -> None:
        self._open = open_reader
        self._frames = frames
        self._sightings = sightings
        self._depth = depth
        self._block = block
        self._reader: FrameReader | None = None
        # Decoded ahead for smoothing; needed again when the next chunk continues from there.
        self._last: deque[Picture] = deque(maxlen=CONTEXT)

    def close(self) -> None:
        """Close the presenter's file."""
        self._last.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def show(
        self, start: int, stop: int, watch: Stopwatch
    ) -> Generator[Tracked[Picture], None, None]:
        """Yield the frames for output frames ``start`` … ``stop`` − 1, in order."""
        try:
            if self._frames == 1:
                still = next(self._forward(0, 1, watch))
                for _ in range(start, stop):
                    yield still
                return
            for run in runs(start, stop, self._frames):
                if run.step > 0:
                    yield from self._forward(run.start, run.stop, watch)
                else:
                    yield from self._backward(run.start, run.stop, watch)
        except BaseException:
            self.close()  # the threads may have left the reader at any position
            raise

    def _forward(self, first: int, stop: int, watch: Stopwatch) -> Iterator[Tracked[Picture]]:
        known = self._sightings.knows(first - CONTEXT, first)
        begin = first if known else segment_start(first)
        with ExitStack() as stack:
            decoded = watch.each("decode", self._read(begin, min(stop + CONTEXT, self._frames)))
            pictures = stack.enter_context(ahead(decoded, self._depth))
            tracked = self._tracked(pictures, first, stop, watch)
            yield from stack.enter_context(ahead(tracked, self._depth))

    def _read(self, begin: int, end: int) -> Iterator[Picture]:
        held = [picture for picture in self._last if begin <= picture.index < end]
        if held and held[0].index == begin:
            yield from held
            begin = held[-1].index + 1
        if self._reader is None:
            self._reader = self._open()
        for picture in self._reader.read(begin, end):
            self._last.append(picture)
            yield picture

    def _tracked(
        self, pictures: Iterator[Picture], first: int, stop: int, watch: Stopwatch
    ) -> Iterator[Tracked[Picture]]:
        """Yield frames ``first`` … ``stop`` - 1 with faces; buffers at most ``CONTEXT`` + 1."""
        waiting: deque[Picture] = deque()
        for picture in pictures:
            with watch.stage("face"):
                self._sightings.see(picture)
            if first <= picture.index < stop:
                waiting.append(picture)
            if waiting and waiting[0].index + CONTEXT <= picture.index:
                yield self._in_context(waiting.popleft(), watch)
        while waiting:
            yield self._in_context(waiting.popleft(), watch)

    def _backward(self, first: int, stop: int, watch: Stopwatch) -> Iterator[Tracked[Picture]]:
        """Yield frames ``first``, ``first - 1`` … ``stop + 1``."""
        self.close()  # free this decoder's pictures before opening another one
        with ExitStack() as stack:
            reader = stack.enter_context(self._open())
            pictures = reader.read_backward(first + 1, stop + 1, self._block)
            decoded = watch.each("decode", pictures)
            for picture in stack.enter_context(ahead(decoded, self._depth)):
                yield self._in_context(picture, watch)

    def _in_context(self, picture: Picture, watch: Stopwatch) -> Tracked[Picture]:
        around = range(picture.index - CONTEXT, picture.index + CONTEXT + 1)
        with watch.stage("face"):
            window = [self._sightings.of(index) for index in around]
            return in_context(picture, window, [0 <= index < self._frames for index in around])
