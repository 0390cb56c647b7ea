"""The picture that travels through the pipeline: 8-bit YUV 4:2:0 planes, never converted to RGB.

A decoded picture is a view on the decoder's own memory, which later pictures are predicted from.
Such views are read-only; :meth:`Picture.writable` gives a copy to paint on.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

UNSPECIFIED = 2
"""The code point that ITU-T H.273 gives to an unknown matrix, primaries or transfer."""

BT709, SMPTE170M = 1, 6
"""Code points of high and of standard definition, for matrix, primaries and transfer alike."""

_LIMITED, _FULL = 1, 2
"""``AVCOL_RANGE_MPEG`` and ``AVCOL_RANGE_JPEG``: luma spans 16..235, or 0..255."""

_SAME_BYTES = ("yuv420p", "yuvj420p")
"""8-bit 4:2:0; the second is the first with the full range implied by its name."""

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
    """How the numbers of a picture are to be read; carried unchanged from source to encoder.

    ``matrix``, ``primaries`` and ``transfer`` are code points of ITU-T H.273 (2 = unspecified).
    ``full_range`` is kept as the source has it: the planes are never stretched or squeezed.
    """

    full_range: bool = False
    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> ColorSpec:
        """What a decoded frame says of itself; a frame in RGB is given :meth:`for_size`."""
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
        """Limited range, BT.709 for high definition and BT.601 below, as players expect."""
        if _is_high_definition(width, height):
            return cls(False, BT709, BT709, BT709)
        return cls(False, SMPTE170M, SMPTE170M, SMPTE170M)

    @property
    def av_range(self) -> int:
        """libav's number for the range."""
        return _FULL if self.full_range else _LIMITED

    def luma_weights(self, width: int, height: int) -> tuple[float, float]:
        """``(Kr, Kb)`` of the YUV matrix; an unspecified one is guessed by size, as players do."""
        guess = BT709 if _is_high_definition(width, height) else SMPTE170M
        return _LUMA_WEIGHTS.get(self.matrix, _LUMA_WEIGHTS[guess])


def _is_high_definition(width: int, height: int) -> bool:
    return max(width, height) >= 1280 or min(width, height) > 576


class Picture:
    """An 8-bit YUV 4:2:0 picture.

    ``y`` is (H, W), ``u`` and ``v`` are (H/2, W/2), all uint8; H and W are even. They are views
    on the memory of a libav frame, so neither decoding nor encoding copies them. ``index`` is the
    number of the frame in the presenter at its constant rate.
    """

    __slots__ = ("_frame", "index", "u", "v", "y")

    def __init__(self, frame: av.VideoFrame, index: int, *, writable: bool = False) -> None:
        if frame.format.name not in _SAME_BYTES:
            raise ValueError(f"not 8-bit 4:2:0: {frame.format.name}")
        self._frame = frame
        self.index = index
        width, height = frame.width & ~1, frame.height & ~1
        self.y = _view(frame, 0, width, height, writable)
        self.u = _view(frame, 1, width // 2, height // 2, writable)
        self.v = _view(frame, 2, width // 2, height // 2, writable)

    @classmethod
    def from_av(cls, frame: av.VideoFrame, index: int) -> Picture:
        """Read-only views on ``frame``; an odd last column or row stays outside.

        Raises ``ValueError`` for a frame that is not 8-bit 4:2:0.
        """
        return cls(frame, index)

    @classmethod
    def blank(cls, width: int, height: int, index: int = 0) -> Picture:
        """A black, writable picture. Raises ``ValueError`` for an odd size."""
        picture = cls.empty(width, height, index)
        picture.y[:] = 16
        picture.u[:] = 128
        picture.v[:] = 128
        return picture

    @classmethod
    def empty(cls, width: int, height: int, index: int = 0) -> Picture:
        """A writable picture whose contents are left to chance. Raises ``ValueError`` as above."""
        check_size(width, height)
        return cls(av.VideoFrame(width, height, "yuv420p"), index, writable=True)

    @property
    def width(self) -> int:
        """Pixels a row, even."""
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        """Rows, even."""
        return int(self.y.shape[0])

    def writable(self) -> Picture:
        """A copy whose planes may be painted on; ``self`` stays as it is."""
        copy = self.empty(self.width, self.height, self.index)
        copy.fill(self)
        return copy

    def fill(self, source: Picture) -> None:
        """Copy the planes of ``source``. Raises ``ValueError`` for one of another size."""
        if (source.width, source.height) != (self.width, self.height):
            raise ValueError(f"{source.width}x{source.height} into {self.width}x{self.height}")
        for plane, wanted in zip(self.planes(), source.planes(), strict=True):
            np.copyto(plane, wanted)

    def renumbered(self, index: int) -> Picture:
        """The same memory, read-only, as frame ``index`` of the presenter."""
        return Picture(self._frame, index)

    def planes(self) -> tuple[Plane, Plane, Plane]:
        """``(y, u, v)``."""
        return self.y, self.u, self.v

    def to_av(self, pts: int, time_base: Fraction) -> av.VideoFrame:
        """The frame to hand to an encoder at once, stamped ``pts`` in units of ``time_base`` s.

        The frame shares the picture's memory and is stamped anew by the next call; only a cropped
        or full-range picture is copied first (libav would squeeze the range by itself).
        """
        frame = self._frame
        if (frame.format.name, frame.width, frame.height) != ("yuv420p", self.width, self.height):
            frame = self.writable()._frame
        frame.pict_type = 0  # the source's I, P or B must not steer the encoder
        frame.pts = pts
        frame.time_base = time_base
        frame.duration = 1
        return frame


def check_size(width: int, height: int) -> None:
    """Raises ``ValueError`` for a size that no 4:2:0 picture has."""
    if width <= 0 or height <= 0 or width % 2 or height % 2:
        raise ValueError(f"a picture needs an even size, not {width}x{height}")


def _view(frame: av.VideoFrame, plane: int, width: int, height: int, writable: bool) -> Plane:
    memory = frame.planes[plane]
    rows = np.frombuffer(memory, np.uint8).reshape(-1, memory.line_size)  # type: ignore[call-overload]
    view: Plane = rows[:height, :width]
    view.flags.writeable = writable
    return view
