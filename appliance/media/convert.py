"""From whatever a decoder gives to an upright 8-bit 4:2:0 picture of even size.

8-bit 4:2:0 passes through untouched; other layouts go through libswscale with the range and the
matrix kept, so that colours do not shift. Turning moves whole samples and changes none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import ColorRange, Colorspace

from appliance.media.picture import BT709, ColorSpec, Picture, Plane
from appliance.media.pool import PicturePool

_SCALING = 0x4 | 0x40000 | 0x80000
"""``SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT``; PyAV 17 has no names for the last two."""

_BT2020 = 9
"""``SWS_CS_BT2020``. PyAV 17, the last for Python 3.10, has no name for it and keeps to the frame's
own matrix when it is told this."""

_MATRICES = {(0.2126, 0.0722): int(Colorspace.ITU709), (0.2627, 0.0593): _BT2020}
"""libswscale's, by (Kr, Kb); those of standard definition are one."""


class Orientation(NamedTuple):
    """How the stored picture is turned upright: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Orientation:
        """Read the display matrix; an angle between is taken to the next quarter turn.

        The matrix maps a stored (x, y) to the display: x' = a x + c y, y' = b x + d y, in the
        order a, b, u, c, d, v, … (ISO/IEC 14496-12, 6.2.2).
        """
        side_data: Any = frame.side_data  # its type hints know other keys than it has
        try:
            matrix = side_data[SideData.DISPLAYMATRIX]
        except KeyError:
            return cls()
        a, b, _, c, d, *_ = (int(value) for value in np.frombuffer(bytes(matrix), np.int32))
        if abs(b) > abs(a):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @property
    def rotation(self) -> int:
        """Degrees clockwise to turn the stored picture: 0, 90, 180 or 270.

        A mirrored picture gives the angle that is left when its mirroring has been undone.
        """
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height as displayed, cut to even, of a stored picture's."""
        width, height = width & ~1, height & ~1
        return (height, width) if self.transpose else (width, height)


UPRIGHT = Orientation()


def upright(
    frame: av.VideoFrame,
    index: int,
    orientation: Orientation,
    color: ColorSpec,
    stored_size: tuple[int, int],
    pool: PicturePool | None = None,
) -> Picture:
    """The picture of ``frame``, turned; ``stored_size`` is (width, height) before turning.

    A frame of another size (a stream may change it on the way) is scaled to ``stored_size``. What
    has to be turned is turned into memory of ``pool``, which is of the size afterwards.
    Raises ``av.FFmpegError`` for a layout that libswscale cannot read.
    """
    picture = Picture.from_av(to_420(frame, color, stored_size), index)
    if orientation == UPRIGHT:
        return picture
    if pool is None:
        pool = PicturePool(*orientation.size(picture.width, picture.height))
    turned = pool.empty(index)
    for source, target in zip(picture.planes(), turned.planes(), strict=True):
        _turn(source, target, orientation)
    return turned.renumbered(index)


def to_420(frame: av.VideoFrame, color: ColorSpec, size: tuple[int, int]) -> av.VideoFrame:
    """8-bit 4:2:0 of ``size`` (width, height) with the range, and for RGB the matrix, of ``color``.

    Raises ``av.FFmpegError`` for a layout that libswscale cannot read.
    """
    if frame.format.name in ("yuv420p", "yuvj420p") and (frame.width, frame.height) == size:
        return frame
    target: dict[str, int] = {"dst_color_range": color.av_range}
    if frame.format.is_rgb:
        target["dst_colorspace"] = Colorspace.ITU709 if color.matrix == BT709 else Colorspace.ITU601
    else:
        target["src_color_range"] = color.av_range
    # One thread: decoding, painting and encoding already share the cores.
    return frame.reformat(*size, "yuv420p", interpolation=_SCALING, threads=1, **target)


def rgb_of(frame: av.VideoFrame, color: ColorSpec, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(height, width, 3) RGB of ``size`` (width, height), for pictures that people look at.

    Raises ``av.FFmpegError`` for a layout that libswscale cannot read.
    """
    weights = color.luma_weights(frame.width, frame.height)
    shown = frame.reformat(
        *size,
        "rgb24",
        src_colorspace=_MATRICES.get(weights, Colorspace.ITU601),
        src_color_range=color.av_range,
        dst_color_range=ColorRange.JPEG,
        interpolation=_SCALING,
        threads=1,
    )
    return np.asarray(shown.to_ndarray(), np.uint8)


def shrunk(picture: Picture, width: int, height: int) -> Picture:
    """``picture`` in even sides no longer than its own; itself where they are its own."""
    if (picture.width, picture.height) == (width, height):
        return picture
    small = Picture.empty(width, height, picture.index)
    for source, target in zip(picture.planes(), small.planes(), strict=True):
        cv2.resize(source, target.shape[::-1], target, interpolation=cv2.INTER_AREA)
    return small.renumbered(picture.index)


def _turn(source: Plane, target: Plane, orientation: Orientation) -> None:
    """Write ``source`` into ``target`` without an allocation between."""
    if orientation.transpose:
        cv2.transpose(source, target)
        source = target
    if orientation.mirror_x or orientation.mirror_y:
        code = -1 if orientation.mirror_x and orientation.mirror_y else int(orientation.mirror_x)
        cv2.flip(source, code, target)
