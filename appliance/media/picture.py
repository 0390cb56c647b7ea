"""The video frame of the pipeline: 8-bit YUV 4:2:0 planes, never converted to RGB.

A decoded picture is a view of the decoder's own memory, which later frames are predicted from. Such
views are read-only; :meth:`Picture.writable` returns a copy that may be modified.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

UNSPECIFIED = 2
"""The code point of ITU-T H.273 for an unknown matrix, primaries or transfer."""

BT709, SMPTE170M = 1, 6
"""Code points of high and of standard definition, the same for matrix, primaries and transfer."""

_LIMITED, _FULL = 1, 2
"""``AVCOL_RANGE_MPEG`` and ``AVCOL_RANGE_JPEG``: luma spans 16..235, or 0..255."""

_YUV420_FORMATS = ("yuv420p", "yuvj420p")
"""8-bit 4:2:0; the second format is the first with full range implied by its name."""

# (Kr, Kb) of ITU-T H.273 table 4, by code point.
_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}


@dataclass(frozen=True)
class ColorSpec:
    """The meaning of a picture's sample values; passed unchanged from the source to the encoder.

    ``matrix``, ``primaries`` and ``transfer`` are code points of ITU-T H.273 (2 = unspecified).
    ``full_range`` is kept as in the source: the sample values are never rescaled.
    """

    full_range: bool = False
    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> ColorSpec:
        """Return the description in a decoded frame; for an RGB frame, return :meth:`for_size`."""
        if frame.format.is_rgb:
            return cls.for_size(frame.width, frame.height)
        return cls(
            full_range=frame.color_range == _FULL or frame.format.name.startswith("yuvj"),
            matrix=frame.colorspace,
            primaries=frame.color_primaries,
            transfer=frame.color_trc,
        )

    @classmethod
    def for_size(cls, width: int, height: int) -> ColorSpec:
        """Return limited range, with BT.709 for high definition and BT.601 below, like players."""
        if _is_high_definition(width, height):
            return cls(False, BT709, BT709, BT709)
        return cls(False, SMPTE170M, SMPTE170M, SMPTE170M)

    @property
    def av_range(self) -> int:
        """libav's constant for the range."""
        return _FULL if self.full_range else _LIMITED

    def luma_weights(self, width: int, height: int) -> tuple[float, float]:
        """Return ``(Kr, Kb)`` of the YUV matrix.

        An unspecified matrix is guessed by size, as in players.
        """
        guess = BT709 if _is_high_definition(width, height) else SMPTE170M
        return _LUMA_WEIGHTS.get(self.matrix, _LUMA_WEIGHTS[guess])


@dataclass(frozen=True)
class VideoFormat:
    """The format of a video stream.

    ``width`` and ``height`` are in pixels and even, ``fps`` is the constant frame rate and ``sar``
    the width of a pixel divided by its height.
    """

    width: int
    height: int
    fps: Fraction
    color: ColorSpec = ColorSpec()
    sar: Fraction = Fraction(1)


def _is_high_definition(width: int, height: int) -> bool:
    return max(width, height) >= 1280 or min(width, height) > 576


class Picture:
    """An 8-bit YUV 4:2:0 picture.

    ``y`` has the shape (H, W), ``u`` and ``v`` have (H/2, W/2), all uint8; H and W are even. They
    are views of the memory of a libav frame, so neither decoding nor encoding copies them.
    ``index`` is the number of the frame in the presenter at its constant rate.
    """

    __slots__ = ("_frame", "index", "u", "v", "y")

    def __init__(self, frame: av.VideoFrame, index: int, *, writable: bool = False) -> None:
        if frame.format.name not in _YUV420_FORMATS:
            raise ValueError(f"not 8-bit 4:2:0: {frame.format.name}")
        self._frame = frame
        self.index = index
        width, height = frame.width & ~1, frame.height & ~1
        self.y = _plane_view(frame, 0, width, height, writable)
        self.u = _plane_view(frame, 1, width // 2, height // 2, writable)
        self.v = _plane_view(frame, 2, width // 2, height // 2, writable)

    @classmethod
    def from_av(cls, frame: av.VideoFrame, index: int) -> Picture:
        """Return read-only views of ``frame``, without an odd last column or row.

        Raises ``ValueError`` for a frame that is not 8-bit 4:2:0.
        """
        return cls(frame, index)

    @classmethod
    def blank(cls, width: int, height: int, index: int = 0) -> Picture:
        """Return a black, writable picture. Raises ``ValueError`` for an odd size."""
        picture = cls.empty(width, height, index)
        picture.y[:] = 16
        picture.u[:] = 128
        picture.v[:] = 128
        return picture

    @classmethod
    def empty(cls, width: int, height: int, index: int = 0) -> Picture:
        """Return a writable, uninitialised picture. Raises ``ValueError`` for an odd size."""
        check_even_size(width, height)
        return cls(av.VideoFrame(width, height, "yuv420p"), index, writable=True)

    @property
    def width(self) -> int:
        """Width in pixels, even."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels, even."""
        return int(self.y.shape[0])

    def writable(self) -> Picture:
        """Return a copy whose planes may be modified."""
        copy = self.empty(self.width, self.height, self.index)
        copy.fill(self)
        return copy

    def fill(self, source: Picture) -> None:
        """Copy the planes of ``source``. Raises ``ValueError`` if its size differs."""
        if (source.width, source.height) != (self.width, self.height):
            raise ValueError(f"{source.width}x{source.height} into {self.width}x{self.height}")
        for plane, source_plane in zip(self.planes(), source.planes(), strict=True):
            np.copyto(plane, source_plane)

    def with_index(self, index: int) -> Picture:
        """Return a read-only picture that shares this memory, numbered ``index``."""
        return Picture(self._frame, index)

    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Return ``(y, u, v)``."""
        return self.y, self.u, self.v

    def to_av(self, pts: int, time_base: Fraction) -> av.VideoFrame:
        """Return the frame for an encoder, stamped ``pts`` in units of ``time_base`` s.

        Encode it before the next call: the frame shares the picture's memory, and the next call
        changes its time stamp. Only a cropped or full-range picture is copied first (libav would
        convert the range of the latter).
        """
        frame = self._frame
        if (frame.format.name, frame.width, frame.height) != ("yuv420p", self.width, self.height):
            frame = self.writable()._frame
        frame.pict_type = 0  # the source's I, P or B must not steer the encoder
        frame.pts = pts
        frame.time_base = time_base
        frame.duration = 1
        return frame


def check_even_size(width: int, height: int) -> None:
    """Raise ``ValueError`` for a size that a 4:2:0 picture cannot have."""
    if width <= 0 or height <= 0 or width % 2 or height % 2:
        raise ValueError(f"a picture needs an even size, not {width}x{height}")


def _plane_view(frame: av.VideoFrame, plane: int, width: int, height: int, writable: bool) -> Plane:
    memory = frame.planes[plane]
    rows = np.frombuffer(memory, np.uint8).reshape(-1, memory.line_size)  # type: ignore[call-overload]
    view: Plane = rows[:height, :width]
    view.flags.writeable = writable
    return view
