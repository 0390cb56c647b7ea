"""The lecture's audio on a common time axis: packets to copy, or mono blocks to analyse.

Time 0 is the first sample that the decoder outputs (an encoder's priming samples do not count); the
finished video starts at the same point. If the file has video that begins earlier, time 0 is the
first frame. Gaps between time stamps are filled with silence.
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
from av.container import InputContainer
from av.stream import Disposition
from numpy.typing import NDArray

from appliance.errors import BadInput
from appliance.media.container import TimestampRepair, TruncationDetector, open_media, read_packets

TIMESTAMP_JITTER_S = Fraction(3, 100)
"""Smaller deviations are rounding of time stamps (1 ms in Matroska and FLV, whole packets in some
AVI files), not gaps or overlaps."""

_SILENCE_CHUNK_S = 1
"""Length of one frame of inserted silence, in seconds; limits the memory that a long gap takes."""


_MIN_LEAD_S, _MAX_LEAD_S = Fraction(1, 10), 600
"""The sound may start this much later than the video: less is not noticed in a lecture, more is an
error of the file."""

_OPPOSITE_SHARE = 0.1
"""Share of the channels' power in their mean below which they cancel each other out."""


class AudioSource:
    """One audio stream of a file: number ``track``, by default the one marked as default.

    A source may be used by one thread only. Close it or use ``with``. Raises ``BadInput`` with the
    codes of :func:`~appliance.media.container.open_media`, or with ``audio_missing``.
    """

    def __init__(self, path: Path, track: int | None = None) -> None:
        self.path = path
        self._container = open_media(path)
        streams = _usable_streams(self._container)
        if not streams:
            self._container.close()
            raise BadInput("audio_missing", name=path.name)
        marked = _marked_track(streams)
        chosen = track if track is not None and track < len(streams) else (marked or 0)
        self.stream = streams[chosen]
        assert self.stream.time_base is not None
        self.time_base: Fraction = self.stream.time_base

    def __enter__(self) -> AudioSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def lead_s(self, start_s: Fraction) -> Fraction:
        """Return how long the video of the file is shown before sound that starts at ``start_s``.

        It is 0 for a file without video, and for a difference that nobody notices.
        """
        begins = [
            stream.start_time * stream.time_base
            for stream in self._container.streams.video
            if stream.start_time is not None
            and stream.time_base is not None
            and not stream.disposition & Disposition.attached_pic
        ]
        lead = start_s - min(begins) if begins else Fraction(0)
        return lead if _MIN_LEAD_S <= lead <= _MAX_LEAD_S else Fraction(0)

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
                    lead = self.lead_s(first)
                    first -= lead
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


def _usable_streams(container: InputContainer) -> list[AudioStream]:
    return [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None and stream.time_base is not None
    ]


def _marked_track(streams: list[AudioStream]) -> int | None:
    """Return the number of the only stream that is marked as default; ``None`` without one."""
    marked = [
        number for number, stream in enumerate(streams)
        if stream.disposition & Disposition.default
    ]  # fmt: skip
    return marked[0] if len(marked) == 1 else None


def ambiguous_tracks(path: Path) -> int:
    """Return the number of audio streams if it is not marked which is the default; otherwise 0.

    Raises ``BadInput`` like :class:`AudioSource`.
    """
    with open_media(path) as container:
        streams = _usable_streams(container)
        if len(streams) < 2 or _marked_track(streams) is not None:
            return 0
        return len(streams)


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
    path: Path,
    rate: int = 16000,
    block_s: float = 10,
    *,
    track: int | None = None,
    gain_db: float = 0.0,
) -> Iterator[NDArray[np.float32]]:
    """Yield mono float32 samples in [-1, 1] at ``rate`` Hz, in blocks of ``block_s`` seconds.

    Every block has ``round(rate * block_s)`` samples, except that the last may be shorter. Memory
    use does not depend on the length of the file. Two channels that cancel each other out are not
    mixed: the louder one is used. ``track`` is that of :class:`AudioSource`, ``gain_db`` amplifies
    the samples. Raises ``BadInput`` like :class:`AudioSource`.
    """
    size = max(1, round(rate * block_s))
    gain = np.float32(10 ** (gain_db / 20))
    pending: list[NDArray[np.float32]] = []
    pending_samples = 0
    with AudioSource(path, track) as source:
        layout = "stereo" if source.stream.channels == 2 else "mono"
        for frame in resample(source.frames(), "flt", layout, rate):
            channels = 1 if layout == "mono" else 2
            samples = frame.to_ndarray().reshape(-1, channels).astype(np.float32, copy=False)
            pending.append(samples)
            pending_samples += len(samples)
            while pending_samples >= size:
                joined = np.concatenate(pending)
                yield np.clip(mix_to_mono(joined[:size]) * gain, -1, 1)
                pending = [joined[size:]]
                pending_samples -= size
    if pending_samples:
        yield np.clip(mix_to_mono(np.concatenate(pending)) * gain, -1, 1)


def mix_to_mono(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean (samples,) of one or two channels (samples, channels).

    Opposite channels, as from a cable with swapped wires, would cancel out: then it is the louder
    one.
    """
    if samples.shape[1] == 1:
        return samples[:, 0]
    mean: NDArray[np.float32] = samples.mean(axis=1)
    if cancels_out(samples):
        powers = np.square(samples, dtype=np.float64).mean(axis=0)
        return np.ascontiguousarray(samples[:, int(powers.argmax())])
    return mean


def cancels_out(samples: NDArray[np.float32]) -> bool:
    """Return whether the mean of two channels (samples, 2) has far less power than they have."""
    powers = np.square(samples, dtype=np.float64).mean(axis=0)
    mixed = float(np.square(samples.mean(axis=1), dtype=np.float64).mean())
    return bool(mixed < _OPPOSITE_SHARE * powers.mean()) and bool(powers.min() > 0)


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
