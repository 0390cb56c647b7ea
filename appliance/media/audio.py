"""The lecture's audio on a common time axis: packets to copy, or mono blocks to analyse.

Time 0 is the first sample that the decoder outputs (an encoder's priming samples do not count); the
finished video starts at the same point. Gaps between time stamps are filled with silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.filter
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from appliance.errors import BadInput
from appliance.media.container import TimestampRepair, TruncationDetector, open_media, read_packets

TIMESTAMP_JITTER_S = Fraction(3, 100)
"""Smaller deviations are rounding of time stamps (1 ms in Matroska and FLV, whole packets in some
AVI files), not gaps or overlaps."""

_SILENCE_CHUNK_S = 1
"""Length of one frame of inserted silence, in seconds; limits the memory that a long gap takes."""


class AudioSource:
    """The first audio stream of a file.

    A source may be used by one thread only. Close it or use ``with``. Raises ``BadInput`` with the
    codes of :func:`~appliance.media.container.open_media`, or with ``audio_missing``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = open_media(path)
        streams = [s for s in self._container.streams.audio if s.codec_context is not None]
        if not streams or streams[0].time_base is None:
            self._container.close()
            raise BadInput("audio_missing", name=path.name)
        self.stream = streams[0]
        self.time_base: Fraction = streams[0].time_base

    def __enter__(self) -> AudioSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def truncation_detector(self) -> TruncationDetector:
        """Return a detector for a truncated stream, to be passed to :meth:`read_packets`."""
        return TruncationDetector(self._container, self.stream, self.path)

    def packets(
        self, detector: TruncationDetector | None = None
    ) -> Iterator[av.Packet[AudioStream]]:
        """Yield the stream's packets, with jumps of the time stamps removed; the last one is empty.

        This can be done only once. ``detector`` is updated with the packets of all streams.
        """
        clock = TimestampRepair(self.time_base)
        for packet in read_packets(self._container, *([] if detector else [self.stream])):
            if detector:
                detector.observe(packet)
            if packet.stream_index == self.stream.index:
                clock.correct(packet)
                packet.pts = packet.pts if packet.pts is not None else packet.dts
                yield packet

    def frames(self) -> Iterator[AudioFrame]:
        """Yield decoded frames without gaps or overlaps, starting at time 0, without time stamps.

        Audio that cannot be decoded is replaced by silence.
        """
        first: Fraction | None = None
        end = Fraction(0)
        for packet in self.packets():
            for frame in decode_packet(packet):
                at = None if frame.pts is None else frame.pts * self.time_base
                if first is None and at is not None:
                    first = at - end  # the frames before it had no time stamp
                gap = Fraction(0) if at is None or first is None else at - first - end
                if gap < -TIMESTAMP_JITTER_S:
                    continue
                if gap > TIMESTAMP_JITTER_S:
                    for silence in _silence(frame, gap):
                        yield silence
                        end += Fraction(silence.samples, silence.sample_rate)
                frame.pts = None
                yield frame
                end += Fraction(frame.samples, frame.sample_rate)


def decode_packet(packet: av.Packet[AudioStream]) -> list[AudioFrame]:
    """Return the packet's frames, or an empty list for a damaged packet."""
    try:
        return list(packet.decode())
    except av.FFmpegError:
        return []


def resample(
    frames: Iterable[AudioFrame], sample_format: str, layout: str, rate: int
) -> Iterator[AudioFrame]:
    """Convert frames with libswresample; the format of the input may change between frames.

    ``sample_format`` and ``layout`` are libav names, ``rate`` is in Hz.
    """
    graph: av.filter.Graph | None = None
    input_format: tuple[str, str, int] | None = None
    for frame in frames:
        if input_format != (frame.format.name, frame.layout.name, frame.sample_rate):
            if graph is not None:
                yield from _run_filter(graph, None)
            input_format = frame.format.name, frame.layout.name, frame.sample_rate
            graph = _conversion_graph(frame, sample_format, layout, rate)
        assert graph is not None
        yield from _run_filter(graph, frame)
    if graph is not None:
        yield from _run_filter(graph, None)


def _conversion_graph(
    frame: AudioFrame, sample_format: str, layout: str, rate: int
) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add(
        "abuffer",
        sample_rate=str(frame.sample_rate),
        sample_fmt=frame.format.name,
        channel_layout=frame.layout.name,
        time_base=f"1/{frame.sample_rate}",
    )
    # Keep downmixed channels within full scale, which swresample does not do for float samples.
    mixer = graph.add("aresample", "rematrix_maxval=1")
    target = graph.add(
        "aformat", sample_fmts=sample_format, channel_layouts=layout, sample_rates=str(rate)
    )
    graph.link_nodes(source, mixer, target, graph.add("abuffersink")).configure()
    return graph


def _run_filter(graph: av.filter.Graph, frame: AudioFrame | None) -> Iterator[AudioFrame]:
    graph.push(frame)
    while True:
        try:
            frame_out = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame_out, AudioFrame)
        yield frame_out


def audio_blocks(
    path: Path, rate: int = 16000, block_s: float = 10
) -> Iterator[NDArray[np.float32]]:
    """Yield mono float32 samples in [-1, 1] at ``rate`` Hz, in blocks of ``block_s`` seconds.

    Every block has ``round(rate * block_s)`` samples, except that the last may be shorter. Memory
    use does not depend on the length of the file. Raises ``BadInput`` like :class:`AudioSource`.
    """
    size = max(1, round(rate * block_s))
    pending: list[NDArray[np.float32]] = []
    pending_samples = 0
    with AudioSource(path) as source:
        for frame in resample(source.frames(), "flt", "mono", rate):
            samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            pending.append(samples)
            pending_samples += len(samples)
            while pending_samples >= size:
                joined = np.concatenate(pending)
                yield np.clip(joined[:size], -1, 1)
                pending = [joined[size:]]
                pending_samples -= size
    if pending_samples:
        yield np.clip(np.concatenate(pending), -1, 1)


def _silence(template: AudioFrame, seconds: Fraction) -> Iterator[AudioFrame]:
    remaining = round(seconds * template.sample_rate)
    zero = b"\x80" if template.format.name.startswith("u8") else b"\0"
    while remaining > 0:
        count = min(remaining, _SILENCE_CHUNK_S * template.sample_rate)
        frame = AudioFrame(template.format, template.layout, count)
        frame.sample_rate = template.sample_rate
        for plane in frame.planes:
            plane.update(zero * plane.buffer_size)
        yield frame
        remaining -= count
