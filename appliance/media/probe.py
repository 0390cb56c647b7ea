"""Measure a presenter or a lecture's audio by reading the file instead of trusting its header."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from appliance.errors import BadInput
from appliance.media import frame_rate
from appliance.media.animation import frame_times
from appliance.media.audio import AudioSource, decode_packet
from appliance.media.container import check_file
from appliance.media.convert import UPRIGHT, Orientation
from appliance.media.photo import is_heif, is_photo, load_photo
from appliance.media.picture import ColorSpec, VideoFormat
from appliance.media.video_stream import read_head_frames, read_packet_times

PHOTO_FPS = Fraction(25)
MIN_AUDIO_S = 0.2
MAX_SIDES = (3840, 2160)
"""Length of the longer and of the shorter side, in pixels, to which frames are reduced."""

MAX_STORED_SIDES = (8192, 4608)
"""Maximum length of the sides of a file, in pixels; the decoder's memory grows with them."""

_REPEATED = Fraction(3, 2)  # ratio of the rates from which frames count as repeated
_TAIL_PACKETS = 32  # decoded at the end: MP3's bit reservoir, Vorbis's overlap

_MP4_MIN_MP3_RATE = 16000
"""MP4 has no object type for MPEG-2.5 layer III."""


@dataclass(frozen=True)
class PresenterInfo:
    """A presenter in the form in which :class:`~appliance.media.decode.FrameReader` delivers it."""

    path: Path
    kind: Literal["video", "photo"]
    width: int
    """Pixels, upright and even."""
    height: int
    fps: Fraction
    """The constant frame rate, 1..60; 25 for a photo."""
    frames: int
    """Number of frames at that rate; 1 is a still image."""
    sar: Fraction
    """Width of a pixel divided by its height, upright."""
    color: ColorSpec
    codec: str
    interlaced: bool = False
    orientation: Orientation = UPRIGHT
    stored_size: tuple[int, int] = (0, 0)
    """Width and height to which decoded frames are scaled, before they are cropped to even and
    turned. Equal to the decoded size unless frames are to be made smaller."""
    stream_index: int = 0
    time_base: Fraction = Fraction(1)
    start_pts: int = 0
    """Time of the first frame, in ``time_base`` s."""
    seekable: bool = True
    """Whether the time of a frame is known when reading does not begin at the start."""
    animation: tuple[int, ...] = ()
    """For an animated image, the number of the first frame that shows each of its images."""
    own_fps: Fraction | None = None
    """The frame rate of the file, if its frames are repeated to reach ``fps``."""
    turned_deg: int = 0
    """Degrees counterclockwise by which the picture is turned because the person was not upright,
    already part of ``orientation``."""
    reduced_from: tuple[int, int] | None = None
    """The size of the file's frames, if they are too large and therefore scaled down."""

    @property
    def video_format(self) -> VideoFormat:
        """The format of the delivered frames."""
        return VideoFormat(self.width, self.height, self.fps, self.color, self.sar)

    @property
    def duration_s(self) -> float:
        """Duration of all frames in seconds."""
        return float(self.frames / self.fps)

    @property
    def start_s(self) -> float:
        """Time in seconds at which the file shows its first frame."""
        return float(self.start_pts * self.time_base)

    @property
    def is_still(self) -> bool:
        """Whether nothing moves: a photo, or a video of one frame."""
        return self.frames == 1

    def pts_of(self, slot: int) -> int:
        """Return the time of a frame number, in ``time_base`` s."""
        return self.start_pts + round(slot / self.fps / self.time_base)

    def frame_at(self, pts: int) -> int:
        """Return the frame number nearest to a time in ``time_base`` s (halves are rounded up)."""
        doubled = 2 * (pts - self.start_pts) * self.time_base * self.fps + 1
        return int(doubled // 2)


@dataclass(frozen=True)
class AudioInfo:
    """The audio of a lecture: one audio stream of a file."""

    path: Path
    duration_s: float
    """Seconds from time 0 (see :mod:`appliance.media.audio`) to the end of the last sample."""
    codec: str
    rate: int
    """Samples per second of each channel."""
    channels: int
    copyable: bool
    """Whether every common player can play the stream in an MP4 without encoding it again."""
    start: Fraction = Fraction(0)
    """Time in seconds at which the file plays its first sample, or shows its first frame before
    that."""
    track: int | None = None
    """The number of the audio stream; ``None`` for the default one."""


def probe_presenter(
    path: Path,
    *,
    max_fps: int = 60,
    max_sides: tuple[int, int] = MAX_SIDES,
    max_stored_sides: tuple[int, int] = MAX_STORED_SIDES,
    short_side: int = 0,
) -> PresenterInfo:
    """Measure a presenter video or photo; the type is detected by content, not by name.

    Reads the whole file once and decodes its first frames. If the shorter side of the frames is
    longer than ``short_side`` (0: no limit), they are delivered scaled down to it, as are frames
    beyond ``max_sides``. Raises ``BadInput``: the codes of
    :func:`~appliance.media.container.open_media` and :func:`~appliance.media.photo.load_photo`,
    ``photo_format_unsupported`` (HEIC), ``video_missing``, ``picture_unreadable``,
    ``picture_too_small`` (a side under 64 pixels), ``picture_too_large`` (beyond
    ``max_stored_sides``) or ``file_truncated`` (the end is missing).
    """
    check_file(path)
    if is_heif(path):
        raise BadInput("photo_format_unsupported", name=path.name)
    if is_photo(path):
        picture, color = load_photo(path)
        width, height = _limit_size(picture.width, picture.height, short_side, max_sides)
        info = PresenterInfo(
            path, "photo", width, height, PHOTO_FPS, 1, Fraction(1), color, "photo"
        )
        return _with_movement(info, max_fps)
    first = read_head_frames(path, max_stored_sides)
    packed = read_packet_times(path, first)
    times = frame_rate.picture_times(packed.pts, np.array(first.pts, np.int64))
    if not len(times):
        raise BadInput("picture_unreadable", name=path.name)
    fps, frames = frame_rate.constant_rate(
        times, packed.last_duration, first.time_base, first.declared_rate, max_fps
    )
    stored = _limit_size(*first.size, short_side, max_sides)
    own_fps = 1 / _mean_step_s(times, first.time_base) if len(times) > 1 else fps
    width, height = first.orientation.size(*stored)
    return PresenterInfo(
        path=path,
        kind="video",
        width=width,
        height=height,
        fps=fps,
        frames=frames,
        sar=1 / first.sar if first.orientation.transpose else first.sar,
        color=first.color,
        codec=first.codec,
        interlaced=first.interlaced,
        orientation=first.orientation,
        stored_size=stored,
        stream_index=first.stream_index,
        time_base=first.time_base,
        start_pts=first.pts[0],
        seekable=packed.seekable,
        own_fps=own_fps if own_fps * _REPEATED < fps else None,
        reduced_from=first.size if stored != _limit_size(*first.size, short_side) else None,
    )


def _with_movement(info: PresenterInfo, max_fps: int) -> PresenterInfo:
    """Return ``info`` as a video if the image is animated, otherwise unchanged."""
    starts, last_duration = frame_times(info.path)
    if len(starts) < 2:
        return info
    time_base = Fraction(1, 1000)
    fps, frames = frame_rate.constant_rate(starts, last_duration, time_base, None, max_fps)
    moving = replace(
        info, kind="video", codec="animation", fps=fps, frames=frames, time_base=time_base,
        seekable=False,
    )  # fmt: skip
    return replace(moving, animation=tuple(moving.frame_at(int(start)) for start in starts))


def _mean_step_s(times: NDArray[np.int64], time_base: Fraction) -> Fraction:
    return int(times[-1] - times[0]) * time_base / (len(times) - 1)


def probe_audio(path: Path, track: int | None = None) -> AudioInfo:
    """Measure a lecture's audio, stream number ``track`` of an audio or video file.

    Reads the whole file once and decodes its first and last packets. Raises ``BadInput``: the codes
    of :class:`~appliance.media.audio.AudioSource`, ``audio_unreadable``, ``audio_too_short`` (under
    0.2 s) or ``file_truncated`` (the end is missing).
    """
    with AudioSource(path, track) as source:
        truncation = source.truncation_detector()
        first: AudioFrame | None = None
        start = end = packet_end = lead = Fraction(0)
        tail: deque[av.Packet[AudioStream]] = deque(maxlen=_TAIL_PACKETS)
        for packet in source.packets(truncation):
            tail.append(packet)
            if packet.duration:
                packet_end = ((packet.pts or 0) + packet.duration) * source.time_base
            if first is None:
                first = next(iter(decode_packet(packet)), None)
                start = _start_time_s(first, source) if first else start
                lead = source.lead_s(start) if first else lead
        if first is None:
            raise BadInput("audio_unreadable", name=path.name)
        if truncation.is_truncated():
            raise BadInput("file_truncated", name=path.name)
        context = source.stream.codec_context
        context.flush_buffers()
        for frame in (frame for packet in tail for frame in decode_packet(packet)):
            duration = Fraction(frame.samples, frame.sample_rate)
            end = max(end, _start_time_s(frame, source) + duration)
        # Where MP4 shortens its last packet, players stop there, but libav decodes all of it.
        end = min(end, packet_end) if packet_end else end
        codec, rate = context.codec.canonical_name, first.sample_rate
        seconds = float(end - start)
        if seconds < MIN_AUDIO_S:
            measured_s = round(max(seconds, 0), 2)
            raise BadInput(
                "audio_too_short", name=path.name, seconds=measured_s, minimum=MIN_AUDIO_S
            )
        return AudioInfo(
            path=path,
            duration_s=seconds + float(lead),
            codec=codec,
            rate=rate,
            channels=first.layout.nb_channels,
            copyable=not lead and _plays_everywhere(codec, context.profile, rate),
            start=start - lead,
            track=track,
        )


def _plays_everywhere(codec: str, profile: str | None, rate: int) -> bool:
    """Return whether browsers and phones play the codec in an MP4: AAC-LC and MP3 only."""
    if codec == "mp3":
        return rate >= _MP4_MIN_MP3_RATE
    return codec == "aac" and profile in ("LC", None)


def _limit_size(
    width: int, height: int, short_side: int, max_sides: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return the size, scaled down to an even one if it exceeds a limit.

    The limits are ``short_side`` (0: none) and ``max_sides`` (longer side, shorter side).
    """
    scale = short_side / min(width, height) if short_side else 1.0
    if max_sides is not None:
        long, short = max(width, height), min(width, height)
        scale = min(scale, max_sides[0] / long, max_sides[1] / short)
    if not 0 < scale < 1:
        return width, height
    return round(width * scale / 2) * 2, round(height * scale / 2) * 2


def _start_time_s(frame: AudioFrame, source: AudioSource) -> Fraction:
    """Return the time in seconds of a frame; :class:`AudioSource` stamps every packet."""
    return (frame.pts or 0) * source.time_base
