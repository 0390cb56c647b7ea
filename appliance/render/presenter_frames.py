"""The presenter's frames in the order of the lecture, each with its face."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack

from appliance.face.track import CONTEXT_FRAMES, TrackedFrame, segment_start, smooth_in_window
from appliance.media.decode import FrameReader
from appliance.media.picture import Picture
from appliance.media.pingpong import frame_runs
from appliance.render.landmark_track import LandmarkTrack
from appliance.render.prefetch import prefetch
from appliance.render.presenter_analysis import make_tracker
from appliance.render.presenter_cache import PresenterEntry
from appliance.render.progress import Stopwatch
from appliance.render.workspace import Workspace


def open_frames(workspace: Workspace) -> PresenterFrames:
    """Return the presenter frames of a lecture, with cached landmarks if there is a cache."""
    plan, presenter = workspace.plan, workspace.presenter

    def open_reader() -> FrameReader:
        return FrameReader(presenter, plan.threads)

    landmarks = LandmarkTrack(
        open_reader,
        presenter.frames,
        lambda: make_tracker(presenter, workspace.person),
        PresenterEntry(workspace.cache_folder) if workspace.cache_folder is not None else None,
    )
    return PresenterFrames(
        open_reader, presenter.frames, landmarks, plan.queue_frames, plan.back_block
    )


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
        landmarks: LandmarkTrack,
        depth: int,
        block: int,
    ) -> None:
        self._open_reader = open_reader
        self._frames = frames
        self._landmarks = landmarks
        self._depth = depth
        self._block = block
        self._reader: FrameReader | None = None
        # Decoded ahead for smoothing; needed again when the next chunk continues from there.
        self._decoded_ahead: deque[Picture] = deque(maxlen=CONTEXT_FRAMES)

    def close(self) -> None:
        """Close the presenter's file."""
        self._decoded_ahead.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def frames_for(
        self, start: int, stop: int, stopwatch: Stopwatch
    ) -> Generator[TrackedFrame[Picture], None, None]:
        """Yield the frames for output frames ``start`` … ``stop`` − 1, in order."""
        try:
            if self._frames == 1:
                frame = next(self._track_forward(0, 1, stopwatch))
                for _ in range(start, stop):
                    yield frame
                return
            for run in frame_runs(start, stop, self._frames):
                if run.step > 0:
                    yield from self._track_forward(run.start, run.stop, stopwatch)
                else:
                    yield from self._track_backward(run.start, run.stop, stopwatch)
        except BaseException:
            self.close()  # the threads may have left the reader at any position
            raise

    def _track_forward(
        self, first: int, stop: int, stopwatch: Stopwatch
    ) -> Iterator[TrackedFrame[Picture]]:
        is_tracked = self._landmarks.covers(first - CONTEXT_FRAMES, first)
        begin = first if is_tracked else segment_start(first)
        with ExitStack() as stack:
            decoded = stopwatch.time_items(
                "decode", self._decode(begin, min(stop + CONTEXT_FRAMES, self._frames))
            )
            pictures = stack.enter_context(prefetch(decoded, self._depth))
            tracked = self._track(pictures, first, stop, stopwatch)
            yield from stack.enter_context(prefetch(tracked, self._depth))

    def _decode(self, begin: int, end: int) -> Iterator[Picture]:
        buffered = [picture for picture in self._decoded_ahead if begin <= picture.index < end]
        if buffered and buffered[0].index == begin:
            yield from buffered
            begin = buffered[-1].index + 1
        if self._reader is None:
            self._reader = self._open_reader()
        for picture in self._reader.read(begin, end):
            self._decoded_ahead.append(picture)
            yield picture

    def _track(
        self, pictures: Iterator[Picture], first: int, stop: int, stopwatch: Stopwatch
    ) -> Iterator[TrackedFrame[Picture]]:
        """Yield frames ``first`` … ``stop`` - 1 with faces; buffer ``CONTEXT_FRAMES`` + 1."""
        pending: deque[Picture] = deque()
        for picture in pictures:
            with stopwatch.stage("face"):
                self._landmarks.update(picture)
            if first <= picture.index < stop:
                pending.append(picture)
            if pending and pending[0].index + CONTEXT_FRAMES <= picture.index:
                yield self._smooth(pending.popleft(), stopwatch)
        while pending:
            yield self._smooth(pending.popleft(), stopwatch)

    def _track_backward(
        self, first: int, stop: int, stopwatch: Stopwatch
    ) -> Iterator[TrackedFrame[Picture]]:
        """Yield frames ``first``, ``first - 1`` … ``stop + 1``."""
        self.close()  # free this decoder's pictures before opening another one
        with ExitStack() as stack:
            reader = stack.enter_context(self._open_reader())
            pictures = reader.read_backward(first + 1, stop + 1, self._block)
            decoded = stopwatch.time_items("decode", pictures)
            for picture in stack.enter_context(prefetch(decoded, self._depth)):
                yield self._smooth(picture, stopwatch)

    def _smooth(self, picture: Picture, stopwatch: Stopwatch) -> TrackedFrame[Picture]:
        indices = range(picture.index - CONTEXT_FRAMES, picture.index + CONTEXT_FRAMES + 1)
        with stopwatch.stage("face"):
            window = [self._landmarks.at(index) for index in indices]
            return smooth_in_window(
                picture, window, [0 <= index < self._frames for index in indices]
            )
