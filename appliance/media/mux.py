"""Join segments and the lecture's audio in one MP4, without encoding any frame again.

Frame ``n`` is stamped ``n`` ticks of ``1 / fps``, so video and audio cannot drift apart however
long the lecture is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import av.container
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from appliance.errors import BadInput, Fault
from appliance.files.atomic import commit, discard_temp, temp_path, translate_write_errors
from appliance.media.audio import TIMESTAMP_JITTER_S, AudioSource, resample
from appliance.media.container import libav_url, open_media, read_packets
from appliance.media.probe import AudioInfo
from appliance.media.subtitles import Subtitles, add_subtitle_track, subtitle_packets

Packet = Any
"""``av.Packet``. Its type parameter does not help here, because packets change streams."""

_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)

_GAPLESS_S = 0.003
"""A packet whose time is this close to the end of the previous one follows it without a gap."""


def mux(
    segments: Sequence[Path],
    audio: AudioInfo,
    out: Path,
    *,
    fps: Fraction,
    frames: int,
    metadata: Mapping[str, str],
    aac_kbps: int = 192,
    subtitles: Subtitles | None = None,
) -> None:
    """Write ``out``: the ``frames`` frames of all segments and the audio, both starting at 0.

    The audio is copied if it is AAC-LC or MP3, else encoded as AAC. ``metadata`` holds MP4's
    own tags (``title``, ``comment``, …). ``subtitles`` become a track that viewers can switch on.
    ``out`` appears complete or not at all.

    Raises ``BadInput`` if the audio can no longer be read, ``Fault``: ``segment_damaged`` (missing,
    different from the first, or not ``frames`` in total), ``disk_full``, ``file_too_large`` or
    ``encoder_failed``, and ``ValueError`` without segments.
    """
    if not segments:
        raise ValueError("nothing to join")
    try:
        with translate_write_errors(out):
            mux_input = _MuxInput(segments, audio, fps, frames, metadata, subtitles)
            if not audio.copyable or not _try_copy(mux_input, out):
                _write(mux_input, out, aac_kbps)
            commit(out)
    except BaseException:
        discard_temp(out)
        raise


class _MuxInput(NamedTuple):
    """The input of :func:`mux`."""

    segments: Sequence[Path]
    audio: AudioInfo
    fps: Fraction
    frames: int
    metadata: Mapping[str, str]
    subtitles: Subtitles | None


def _try_copy(mux_input: _MuxInput, out: Path) -> bool:
    """Copy the audio and return whether MP4 accepted it.

    Some streams deviate from the standard of their codec.
    """
    try:
        _write(mux_input, out, None)
    except (av.ArgumentError, av.InvalidDataError, av.PatchWelcomeError):
        return False
    return True


def _write(mux_input: _MuxInput, out: Path, aac_kbps: int | None) -> None:
    segments, audio, fps, frames, metadata, subtitles = mux_input
    with (
        AudioSource(audio.path, audio.track) as source,
        av.open(
            libav_url(temp_path(out)),
            "w",
            format="mp4",
            container_options={"movflags": "+faststart"},
        ) as container,
    ):
        container.metadata.update(metadata)
        with _open_segment(segments[0]) as first:
            video = container.add_stream_from_template(_video_stream(first))
            video.time_base = 1 / fps
        if aac_kbps is None:
            track = container.add_stream_from_template(source.stream)
            audio_packets = _copied_audio(source, audio, track)
        else:
            rate = min((r for r in _AAC_RATES if r >= audio.rate), default=_AAC_RATES[-1])
            layout = "mono" if audio.channels == 1 else "stereo"
            track = container.add_stream("aac", rate, layout=layout, bit_rate=aac_kbps * 1000)
            audio_packets = _encoded_audio(source, track)
        streams = [_video_packets(segments, video, fps, frames), audio_packets]
        if subtitles is not None and subtitles.cues:
            streams.append(subtitle_packets(subtitles, add_subtitle_track(container, subtitles)))
        for packet in heapq.merge(*streams, key=lambda p: p.dts * p.time_base):
            container.mux(packet)


def _video_packets(
    segments: Sequence[Path], video: VideoStream, fps: Fraction, frames: int
) -> Iterator[Packet]:
    """Yield the frames of all segments in decoding order, one tick each, as one stream."""
    sent = 0
    expected_layout: tuple[object, ...] | None = None
    delay = 0
    for path in segments:
        with _open_segment(path) as container:
            stream = _video_stream(container)
            context = stream.codec_context
            layout = (context.extradata, stream.width, stream.height)
            if expected_layout is None:
                expected_layout, delay = layout, context.reorder_depth
            frame_numbers = []
            begin = sent
            for packet in read_packets(container, stream):
                if not packet.size:
                    continue
                frame = (packet.pts or 0) * packet.time_base * fps
                frame_numbers.append(frame)
                packet.pts, packet.dts = begin + round(frame), sent - delay
                packet.duration = 1
                packet.time_base = 1 / fps
                packet.stream = video
                if packet.pts < packet.dts:
                    raise Fault("segment_damaged", name=path.name)
                sent += 1
                yield packet
            if expected_layout != layout or sorted(frame_numbers) != list(range(sent - begin)):
                raise Fault("segment_damaged", name=path.name)
    if sent != frames:
        raise Fault("segment_damaged", name=segments[-1].name)


def _open_segment(path: Path) -> av.container.InputContainer:
    try:
        return open_media(path)
    except BadInput:
        raise Fault("segment_damaged", name=path.name) from None


def _video_stream(container: av.container.InputContainer) -> VideoStream:
    return container.streams.video[0]


def _copied_audio(source: AudioSource, audio: AudioInfo, track: AudioStream) -> Iterator[Packet]:
    """Yield the audio packets, moved so that the first decoded sample is at 0, cut at the end."""
    tick = Fraction(1, audio.rate)
    end = round(audio.duration_s * audio.rate)
    # The packets of AAC and MP3 all hold as many samples, even if a rounded time stamp differs.
    fixed = source.stream.codec_context.frame_size
    jitter, overlap = round(_GAPLESS_S * audio.rate), round(TIMESTAMP_JITTER_S * audio.rate)
    expected: int | None = None
    for packet in source.packets():
        if not packet.size or packet.pts is None:
            continue
        pts = round((packet.pts * source.time_base - audio.start) / tick)
        duration = round((packet.duration or 0) * source.time_base / tick)
        if fixed and (not duration or abs(duration - fixed) <= jitter):
            duration = fixed
        if expected is not None and pts < expected - overlap:
            continue
        if expected is not None and pts <= expected + jitter:
            pts = expected
        expected = pts + duration
        packet.time_base = tick
        packet.pts = packet.dts = pts
        packet.duration = max(1, min(duration, end - pts))
        packet.stream = track
        yield packet


def _encoded_audio(source: AudioSource, track: AudioStream) -> Iterator[Packet]:
    """Yield the audio as AAC; undecodable parts become silence, which keeps the rest in sync."""
    layout, rate = track.layout.name, track.rate
    at = 0
    for frame in resample(source.frames(), "fltp", layout, rate):
        frame.pts, frame.time_base = at, Fraction(1, rate)
        at += frame.samples
        yield from track.encode(frame)
    yield from track.encode(None)
