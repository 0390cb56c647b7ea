"""The presenter's frames in the order in which the lecture shows them, each with its face."""

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
    """Decodes and tracks what output frames need, forward or backward.

    One object serves chunk after chunk: where the next one goes on from the last, nothing is
    decoded or tracked twice. ``open_reader`` opens the presenter anew; ``depth`` is how many
    pictures wait between two stages and ``block`` how many running backward may hold. Close it.
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
        # Decoded ahead for the smoothing, and wanted again by whoever goes on from there.
        self._last: deque[Picture] = deque(maxlen=CONTEXT)

    def close(self) -> None:
        """Let go of the presenter's file."""
        self._last.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def show(
        self, start: int, stop: int, watch: Stopwatch
    ) -> Generator[Tracked[Picture], None, None]:
        """The frames for output frames ``start`` … ``stop`` − 1, in their order."""
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
            self.close()  # threads may have left the reader anywhere
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
        """At most ``CONTEXT`` + 1 pictures are held."""
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
        """Frames ``first``, ``first - 1`` … ``stop + 1``."""
        self.close()  # one decoder's pictures at a time
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
