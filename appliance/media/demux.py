"""Decode a container's packets to frames in display order with display times."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import av
import av.container
import av.filter
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from appliance.media.container import TimestampRepair, read_packets
from appliance.media.transparency import decoder_of

_NOT_PRESENTER = Disposition.attached_pic | Disposition.timed_thumbnails
"""Cover art and chapter thumbnails are stored as video streams."""

_BWDIF_WARMUP = 1
"""Number of frames after a seek that are deinterlaced without the true preceding frame."""

_REORDERED = ("h264", "hevc")
"""Codecs for which libav cannot derive the display order from the packets."""


class TimedFrame(NamedTuple):
    """A decoded frame and its display time, in units of its stream's time base."""

    pts: int
    frame: av.VideoFrame


def choose_video_stream(container: av.container.InputContainer) -> VideoStream | None:
    """Return the stream that shows the presenter: the default one, else the largest.

    Cover art is ignored. Returns ``None`` if there is no such stream.
    """
    candidates = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & _NOT_PRESENTER
    ]

    def rank(stream: VideoStream) -> tuple[bool, int]:
        return bool(stream.disposition & Disposition.default), stream.width * stream.height

    return max(candidates, key=rank, default=None)


def has_display_times(stream: VideoStream) -> bool:
    """Return whether the packets carry the display time of their frame.

    AVI numbers packets in decoding order only. libav can derive the display order for MPEG-4 Part
    2, but not for the codecs in ``_REORDERED``.
    """
    return (
        stream.container.format.name != "avi"
        or stream.codec_context.codec.canonical_name not in _REORDERED
    )


def timed_frames(
    container: av.container.InputContainer,
    stream: VideoStream,
    *,
    after_seek: bool = False,
    give_up_at: int | None = None,
) -> Iterator[TimedFrame]:
    """Decode from the container's current position, in display order with rising times.

    Damaged frames are left out. After a seek nothing is decoded before the first key frame; the
    search for it ends at the time ``give_up_at``.
    """
    times = _DisplayTimes() if has_display_times(stream) else _CountedTimes()
    decoder = decoder_of(stream)
    waiting = after_seek
    clock = TimestampRepair(stream.time_base or Fraction(1))
    last: int | None = None
    for packet in read_packets(container, stream):
        clock.correct(packet)
        if waiting and packet.size:
            if not packet.is_keyframe:
                if give_up_at is not None and (packet.pts or 0) > give_up_at:
                    return
                continue
            waiting = False
        times.on_packet(packet)
        try:
            decoded = decoder.decode(packet if packet.size else None)
        except av.FFmpegError:
            continue
        for frame in decoded:
            pts = times.time_of(frame, last)
            if frame.is_corrupt or pts is None:
                continue
            if last is None or pts > last:
                last = pts
                yield TimedFrame(pts, frame)


def leading_frames(
    container: av.container.InputContainer, stream: VideoStream, count: int, until_pts: int
) -> Iterator[TimedFrame]:
    """Yield some of the ``count`` frames from the key frame at the container's position.

    Packets are decoded until they hold ``count`` frames, or more than half of them with times that
    reach ``until_pts``. Reference frames come first in a file, so the frames left out lie between
    the decoded ones. Then the decoder is drained. Frames come in display order; damaged ones are
    left out. Yields nothing if there is no key frame.
    """
    context = decoder_of(stream)
    times: list[int] = []
    for packet in read_packets(container, stream):
        if not packet.size or packet.pts is None or not (times or packet.is_keyframe):
            break
        if not times or packet.pts > times[0]:  # earlier ones need references before the key frame
            times.append(packet.pts)
            yield from _decode(context, packet, times[0])
        if len(times) >= count or (2 * len(times) > count and max(times) >= until_pts):
            break
    yield from _decode(context, None, times[0] if times else 0)
    context.flush_buffers()


def _decode(
    context: VideoCodecContext, packet: av.Packet[VideoStream] | None, start: int
) -> Iterator[TimedFrame]:
    """Decode a packet (``None`` drains the decoder); yield frames from the time ``start`` on."""
    try:
        frames = context.decode(packet)
    except av.FFmpegError:
        return
    for frame in frames:
        if frame.pts is not None and frame.pts >= start and not frame.is_corrupt:
            yield TimedFrame(frame.pts, frame)


class _DisplayTimes:
    """Display times as the container has them; a missing one follows from the frame before."""

    def on_packet(self, packet: av.Packet[Any]) -> None:
        """Record a packet that is passed to the decoder."""

    def time_of(self, frame: av.VideoFrame, last: int | None) -> int | None:
        if frame.pts is not None or last is None:
            return frame.pts
        return last + max(1, frame.duration)


class _CountedTimes(_DisplayTimes):
    """Display times for packets that are only numbered in decoding order, read from the start.

    The frames come out in display order, so the smallest unused number belongs to the next frame. A
    key frame corrects the count after packets that yielded no frame.
    """

    def __init__(self) -> None:
        self._pending: list[int] = []
        self._keys: deque[int] = deque()

    def on_packet(self, packet: av.Packet[Any]) -> None:
        if packet.size and packet.dts is not None:
            heapq.heappush(self._pending, packet.dts)
            if packet.is_keyframe:
                self._keys.append(packet.dts)

    def time_of(self, frame: av.VideoFrame, last: int | None) -> int | None:
        if frame.key_frame and self._keys:
            key = self._keys.popleft()
            while self._pending and self._pending[0] < key:
                heapq.heappop(self._pending)
        return heapq.heappop(self._pending) if self._pending else super().time_of(frame, last)


def deinterlace(frames: Iterator[TimedFrame], *, after_seek: bool) -> Iterator[TimedFrame]:
    """Deinterlace the frames that are marked as interlaced (bwdif), at the same rate and times."""
    stamps: deque[int] = deque()
    skip = _BWDIF_WARMUP if after_seek else 0
    graph: av.filter.Graph | None = None
    layout: tuple[int, int, str] | None = None
    for pts, frame in frames:
        if layout != (frame.width, frame.height, frame.format.name):
            layout = (frame.width, frame.height, frame.format.name)
            graph = _bwdif_graph(frame)
            stamps.clear()
        assert graph is not None
        stamps.append(pts)
        graph.vpush(frame)
        for output in _pull_frames(graph):
            if skip:
                skip -= 1
                stamps.popleft()
            else:
                yield TimedFrame(stamps.popleft(), output)
    if graph is not None:
        graph.vpush(None)
        for output in _pull_frames(graph):
            yield TimedFrame(stamps.popleft(), output)


def _bwdif_graph(frame: av.VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    bwdif = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
    graph.link_nodes(source, bwdif, graph.add("buffersink")).configure()
    return graph


def _pull_frames(graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
