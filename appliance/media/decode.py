"""Read any range of a presenter, frame by frame, at its constant rate.

Source frame ``n`` is the last frame of the file whose time, rounded to the grid
``start + n / fps``, is not after ``n``. For a file of constant rate that is its n-th frame, however
its times were rounded; for one of variable rate, frames are repeated or left out. A damaged frame
is replaced by the one before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import av
import av.container
from av.video.stream import VideoStream

from appliance.errors import BadInput
from appliance.media.animation import AnimationFrames
from appliance.media.container import open_media
from appliance.media.convert import downscale, to_upright, turn_picture
from appliance.media.demux import TimedFrame, deinterlace, leading_frames, timed_frames
from appliance.media.photo import load_photo
from appliance.media.picture import Picture
from appliance.media.picture_pool import PicturePool
from appliance.media.probe import PresenterInfo

_SEEK_LEADS_S = (0.0, 0.5, 2.0, 6.0, 15.0, 40.0)
"""Times before the wanted one, in seconds, that successive seeks aim at. In some containers
(MPEG-TS, MPEG-PS) a seek ends at an arbitrary position, and only frames decoded from a key frame on
can be trusted. If all of
these fail, decoding begins at the start of the file."""

_MAX_DECODE_AHEAD = 48
"""A wanted frame that is at most this many frames ahead of the decoder, or of the start, is reached
by decoding instead of seeking."""

_UNTRUSTED_AFTER_SEEK = 8
"""Number of frames after a seek that are not trusted in an MPEG program stream: a key frame gets
the time of frames that are shown before it and cannot be decoded, of which there are at most
seven."""


class _SlottedFrame(NamedTuple):
    """A decoded frame and the number of the first source frame that shows it."""

    slot: int
    frame: av.VideoFrame


class FrameReader:
    """Decodes a presenter; each frame is bit-identical however the reading is divided.

    ``threads`` is the number of decoder threads (0: one per core). A reader may be used by one
    thread at a time. It holds the decoder's own frames and two more, regardless of the length of
    the presenter. Close it or use ``with``. Raises the errors of
    :func:`~appliance.media.container.open_media`.
    """

    def __init__(self, info: PresenterInfo, threads: int = 0) -> None:
        self._info = info
        self._threads = threads
        self._frames: Iterator[_SlottedFrame] = iter(())
        self._current: _SlottedFrame | None = None
        self._next: _SlottedFrame | None = None
        self._picture: Picture | None = None
        self._container: av.container.InputContainer | None = None
        self._at_start = True
        self._rotation_pool = PicturePool(info.width, info.height)
        self._animation = AnimationFrames(info.path) if info.animation else None
        if info.kind == "photo":
            self._picture = self._image(load_photo(info.path)[0])
        elif self._animation is None:
            self._container = open_media(info.path)
        program_stream = self._container is not None and self._container.format.name == "mpeg"
        self._untrusted_frames = _UNTRUSTED_AFTER_SEEK if program_stream else 0

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file and the decoder; pictures returned earlier stay valid."""
        self._frames = iter(())
        self._current = self._next = self._picture = None
        if self._container is not None:
            self._container.close()
            self._container = None

    def read(self, start: int, stop: int) -> Iterator[Picture]:
        """Yield the source frames ``start``..``stop - 1``, read-only.

        Continuing where the last call ended does not seek. Raises ``ValueError`` for frames outside
        the presenter, and ``BadInput("picture_unreadable")`` if no frame can be decoded.
        """
        if not 0 <= start <= stop <= self._info.frames:
            raise ValueError(f"no frames {start}..{stop} in a presenter of {self._info.frames}")
        for n in range(start, stop):
            yield self._frame_at(n)

    def read_backward(self, stop: int, start: int, block: int) -> Iterator[Picture]:
        """Yield the source frames ``stop - 1`` down to ``start``: :meth:`read` in reverse.

        Holds at most ``block`` pictures. Each block costs one seek, so little is decoded twice if a
        block is no shorter than the distance between key frames. Raises like :meth:`read`, and
        ``ValueError`` if ``block < 1``.
        """
        if block < 1:
            raise ValueError("a block holds at least one picture")
        for high in range(stop, start, -block):
            pictures = list(self.read(max(start, high - block), high))
            while pictures:
                yield pictures.pop()

    def read_sparse(self, start: int, count: int) -> Iterator[Picture]:
        """Yield ``start`` and more than half of the ``count`` source frames from it, at low cost.

        The frames are spread over the range up to about ``start + count - 1``. Where decoding
        cannot begin at ``start`` (see :meth:`keyframe_before`), this is the same as :meth:`read`.
        Raises like :meth:`read`.
        """
        info, started = self._info, False
        if (
            info.kind == "video"
            and info.seekable
            and not (info.interlaced or self._untrusted_frames)
        ):
            for pts, frame in self._read_from_keyframe(start, count):
                slot = info.frame_at(pts)
                if not started and slot != start:
                    break
                started = True
                yield self._upright(frame, slot)
        if not started:
            yield from self.read(start, min(start + count, info.frames))

    def _read_from_keyframe(self, start: int, count: int) -> Iterator[TimedFrame]:
        """Yield frames from ``start``, or nothing if seeking there does not find a key frame."""
        container, stream = self._open_stream()
        self._force_seek()
        with suppress(av.FFmpegError):
            container.seek(self._info.pts_of(start), stream=stream)
            yield from leading_frames(
                container, stream, count, self._info.pts_of(start + count - 1)
            )

    def _force_seek(self) -> None:
        """Discard the decoded frames, so that the next read seeks."""
        self._at_start = False
        self._current = self._next = None
        self._frames = iter(())

    def keyframe_before(self, n: int) -> int:
        """Return the last source frame up to ``n`` from which decoding can begin.

        Returns 0 if the container does not report one.
        """
        info = self._info
        if self._container is None or not info.seekable or n <= _MAX_DECODE_AHEAD:
            return 0
        container, stream = self._open_stream()
        self._force_seek()
        try:
            container.seek(info.pts_of(n), stream=stream)
            for packet in container.demux(stream):
                if packet.is_keyframe and packet.pts is not None:
                    return min(max(info.frame_at(packet.pts), 0), n)
        except av.FFmpegError:
            pass
        return 0

    def _frame_at(self, n: int) -> Picture:
        if self._info.kind == "photo":
            assert self._picture is not None, "the reader is closed"
            return self._picture
        if self._animation is not None:
            number = max(bisect_right(self._info.animation, n) - 1, 0)
            return self._image(self._animation.picture(number)).with_index(n)
        if not self._is_reachable(n):
            self._seek(n)
        while self._next is not None and self._next.slot <= n:
            self._current, self._next = self._next, next(self._frames, None)
            self._picture = None
        if self._current is None:
            raise BadInput("picture_unreadable", name=self._info.path.name)
        if self._picture is None:
            self._picture = self._upright(self._current.frame, n)
        return self._picture.with_index(n)

    def _image(self, picture: Picture) -> Picture:
        """Return an image, which is stored upright, in the size and orientation of ``info``."""
        info = self._info
        size = (info.width, info.height)
        small = downscale(picture, *(size[::-1] if info.orientation.transpose else size))
        return turn_picture(small, info.orientation)

    def _upright(self, frame: av.VideoFrame, n: int) -> Picture:
        info = self._info
        return to_upright(
            frame, n, info.orientation, info.color, info.stored_size, self._rotation_pool
        )

    def _is_reachable(self, n: int) -> bool:
        if self._current is None or n < self._current.slot:
            return False
        return self._next is None or n - self._next.slot <= _MAX_DECODE_AHEAD

    def _seek(self, n: int) -> None:
        """Seek so that the frame shown at ``n`` is the next one or a later one."""
        self._current = None
        info = self._info
        leads = _SEEK_LEADS_S if info.seekable and n > _MAX_DECODE_AHEAD else ()
        for lead in leads:
            if n / info.fps <= lead:
                break
            container, stream = self._open_stream()
            self._at_start = False
            try:
                container.seek(info.pts_of(n) - round(lead / info.time_base), stream=stream)
            except av.FFmpegError:
                break
            self._take_first_frame(n)
            if self._next is not None and self._next.slot <= n - self._untrusted_frames:
                return
        self._rewind()

    def _rewind(self) -> None:
        """Go to the start of the file with a decoder that has not decoded later frames."""
        assert self._container is not None, "the reader is closed"
        if not self._at_start:
            self._container.close()
            self._container = open_media(self._info.path)
        self._take_first_frame(None)
        if self._next is not None:
            self._next = _SlottedFrame(0, self._next.frame)

    def _open_stream(self) -> tuple[av.container.InputContainer, VideoStream]:
        assert self._container is not None, "the reader is closed"
        stream = self._container.streams[self._info.stream_index]
        assert isinstance(stream, VideoStream)
        if not stream.codec_context.is_open:
            stream.thread_count = self._threads
            stream.thread_type = "AUTO"
        return self._container, stream

    def _take_first_frame(self, wanted: int | None) -> None:
        """Decode the first frame from the container's position.

        ``wanted`` is the frame number of the preceding seek, or ``None`` at the start.
        """
        info = self._info
        container, stream = self._open_stream()
        self._at_start = False
        after_seek = wanted is not None
        limit = None if wanted is None else info.pts_of(wanted)
        frames = timed_frames(container, stream, after_seek=after_seek, give_up_at=limit)
        if info.interlaced:
            frames = deinterlace(frames, after_seek=after_seek)
        self._frames = (_SlottedFrame(info.frame_at(pts), frame) for pts, frame in frames)
        self._next = next(self._frames, None)
        self._picture = None
