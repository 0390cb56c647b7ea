"""Transparent video: decode its alpha channel, and lay the picture on white, as photos are."""

from __future__ import annotations

from typing import cast

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

# libav's own decoders ignore the alpha channel of WebM, which is a second stream in each packet.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_WHITE_LIMITED, _WHITE_FULL, _NEUTRAL = 235, 255, 128

Plane = npt.NDArray[np.uint8]


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """Return the decoder of a stream: a new one that decodes alpha, if the stream has it."""
    context = stream.codec_context
    name = _ALPHA_DECODERS.get(context.codec.canonical_name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return context
    try:
        decoder = cast(VideoCodecContext, av.CodecContext.create(name, "r"))
    except ValueError:  # libav was built without this library
        return context
    decoder.extradata = context.extradata
    return decoder


def has_alpha(frame: av.VideoFrame) -> bool:
    """Return whether the frame's layout has an alpha channel."""
    return any(component.is_alpha for component in frame.format.components)


def on_white(frame: av.VideoFrame, color_range: int, size: tuple[int, int]) -> av.VideoFrame:
    """Return the frame as yuv420p of ``size`` (width, height), laid on white.

    ``color_range`` is libav's number of the range of the result. Raises ``av.FFmpegError`` for a
    layout that libswscale cannot read.
    """
    source = frame
    if frame.format.name != "yuva420p" or (frame.width, frame.height) != size:
        source = frame.reformat(*size, "yuva420p", dst_color_range=color_range, threads=1)
    white = _WHITE_FULL if color_range == ColorRange.JPEG else _WHITE_LIMITED
    flat = av.VideoFrame(*size, "yuv420p")
    flat.pts, flat.time_base = frame.pts, frame.time_base
    alpha = _plane(source, 3).astype(np.float32) / 255
    for number, ground in enumerate((white, _NEUTRAL, _NEUTRAL)):
        values = _plane(source, number)
        height, width = values.shape
        weight = alpha
        if number:
            weight = np.asarray(
                cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA), np.float32
            )
        mixed = np.rint(ground + (values.astype(np.float32) - ground) * weight)
        _store(flat, number, mixed.astype(np.uint8))
    return flat


def _plane(frame: av.VideoFrame, number: int) -> Plane:
    plane = frame.planes[number]
    rows: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _store(frame: av.VideoFrame, number: int, values: Plane) -> None:
    plane = frame.planes[number]
    rows = np.zeros((plane.buffer_size // plane.line_size, plane.line_size), np.uint8)
    rows[: values.shape[0], : values.shape[1]] = values
    plane.update(rows.tobytes())
