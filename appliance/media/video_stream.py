"""Measure the video stream of a file: its first frames, and the times of all packets."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from appliance.errors import BadInput
from appliance.media.container import (
    TimestampRepair,
    TruncationDetector,
    open_media,
    read_packets,
)
from appliance.media.convert import Orientation, to_upright
from appliance.media.demux import choose_video_stream, has_display_times, timed_frames
from appliance.media.photo import MIN_SIDE
from appliance.media.picture import ColorSpec

_MAX_PIXEL_ASPECT = 4  # ratio of the sides of a pixel; anamorphic film has 2
_HEAD_FRAMES = 24  # decoded at the start, to detect interlacing and field-coded packets


@dataclass(frozen=True)
class HeadFrames:
    """Properties found in the header and the first decoded frames."""

    stream_index: int
    time_base: Fraction
    declared_rate: Fraction | None
    codec: str
    size: tuple[int, int]
    sar: Fraction
    orientation: Orientation
    color: ColorSpec
    interlaced: bool
    has_display_times: bool
    pts: tuple[int, ...]


def read_head_frames(path: Path, max_sides: tuple[int, int]) -> HeadFrames:
    """Decode the first frames of a video.

    Raises ``BadInput``: the codes of :func:`~appliance.media.container.open_media`,
    ``video_missing``, ``picture_unreadable``, ``picture_too_small`` or ``picture_too_large``
    (beyond ``max_sides``).
    """
    with open_media(path) as container:
        stream = choose_video_stream(container)
        if stream is None or stream.time_base is None:
            raise BadInput("video_missing", name=path.name)
        _check_size(path, stream.width, stream.height, max_sides)
        decoded_frames = timed_frames(container, stream)
        first = next(decoded_frames, None)
        if first is None:
            raise BadInput("picture_unreadable", name=path.name)
        frame = first.frame
        size = frame.width, frame.height
        _check_size(path, *size, max_sides)
        orientation, color = Orientation.of_frame(frame), ColorSpec.of_frame(frame)
        try:
            to_upright(frame, 0, orientation, color, size)
        except av.FFmpegError:
            raise BadInput("picture_unreadable", name=path.name) from None
        pts, interlaced = [first.pts], frame.interlaced_frame
        for later in islice(decoded_frames, _HEAD_FRAMES - 1):
            pts.append(later.pts)
            interlaced |= later.frame.interlaced_frame
        return HeadFrames(
            stream_index=stream.index,
            time_base=stream.time_base,
            declared_rate=stream.guessed_rate,
            codec=stream.codec_context.codec.canonical_name,
            size=size,
            sar=_plausible_aspect(stream.sample_aspect_ratio),
            orientation=orientation,
            color=color,
            interlaced=interlaced,
            has_display_times=has_display_times(stream),
            pts=tuple(pts),
        )


def _plausible_aspect(sar: Fraction | None) -> Fraction:
    """Return the pixel aspect ratio; 1 if the file has none or an implausible one."""
    return sar if sar and 1 / _MAX_PIXEL_ASPECT <= sar <= _MAX_PIXEL_ASPECT else Fraction(1)


def _check_size(path: Path, width: int, height: int, max_sides: tuple[int, int]) -> None:
    size = {"name": path.name, "width": width, "height": height}
    if min(width, height) < MIN_SIDE:
        raise BadInput("picture_too_small", minimum=MIN_SIDE, **size)
    if max(width, height) > max_sides[0] or min(width, height) > max_sides[1]:
        raise BadInput("picture_too_large", max_width=max_sides[0], max_height=max_sides[1], **size)


class PacketTimes(NamedTuple):
    """Properties found in the packets of the whole file."""

    pts: NDArray[np.int64]
    """The times of all frames that are to be shown, in file order."""
    last_duration: int
    """Duration of the last frame, in units of the time base; 0 if the file does not contain it."""
    seekable: bool


def read_packet_times(path: Path, first: HeadFrames) -> PacketTimes:
    """Read the packets of the whole file. Raises ``BadInput("file_truncated")``."""
    times = array("q")
    last: int | None = None
    last_dts = last_duration = 0
    with open_media(path) as container:
        stream = container.streams[first.stream_index]
        truncation = TruncationDetector(container, stream, path)
        clock = TimestampRepair(first.time_base)
        for packet in read_packets(container):
            truncation.observe(packet)
            if packet.stream_index != first.stream_index or not packet.size:
                continue
            clock.correct(packet)
            if packet.is_discard:
                continue
            time = packet.pts if first.has_display_times else packet.dts
            if time is None:
                continue
            if last is None or time >= last:
                last, last_duration = time, packet.duration or 0
            times.append(time)
            last_dts = packet.dts if packet.dts is not None else last_dts
        if truncation.is_truncated():
            raise BadInput("file_truncated", name=path.name)
        # AVI packets are numbered by counting. After a damaged part these numbers differ from those
        # of the index, which seeking uses.
        index_inconsistent = container.format.name == "avi" and last_dts + 1 < stream.frames
        seekable = first.has_display_times and not index_inconsistent and not clock.had_jumps
    return PacketTimes(np.array(times, np.int64), last_duration, seekable)
