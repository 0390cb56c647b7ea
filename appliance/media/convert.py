"""Convert decoded frames of any layout to upright 8-bit 4:2:0 pictures of even size.

8-bit 4:2:0 is passed on unchanged. Other layouts are converted by libswscale with the same range
and matrix, so that colours do not shift. Rotation moves whole samples and changes none.
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
from appliance.media.picture_pool import PicturePool
from appliance.media.transparency import has_alpha, on_white

_SWS_FLAGS = 0x4 | 0x40000 | 0x80000
"""``SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT``; PyAV 17 has no names for the last two."""

_BT2020 = 9
"""``SWS_CS_BT2020``. PyAV 17, the last version for Python 3.10, has no name for it and uses the
frame's own matrix when it gets this value."""

_MATRICES = {(0.2126, 0.0722): int(Colorspace.ITU709), (0.2627, 0.0593): _BT2020}
"""libswscale's matrices by (Kr, Kb); both of standard definition are the same one."""


class Orientation(NamedTuple):
    """The steps that turn a stored picture upright: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Orientation:
        """Read the display matrix; other angles are rounded to the nearest quarter turn.

        The matrix maps a stored (x, y) to the display: x' = a x + c y, y' = b x + d y, in the order
        a, b, u, c, d, v, … (ISO/IEC 14496-12, 6.2.2).
        """
        side_data: Any = frame.side_data  # the type hints of PyAV list other keys
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

        For a mirrored picture, this is the rotation that remains after undoing the mirroring.
        """
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the displayed width and height, rounded down to even, of a stored picture."""
        width, height = width & ~1, height & ~1
        return (height, width) if self.transpose else (width, height)

    def then(self, other: Orientation) -> Orientation:
        """Return the orientation that does the steps of this one, then those of ``other``."""
        mirrors = (self.mirror_x, self.mirror_y)
        x, y = mirrors[::-1] if other.transpose else mirrors
        return Orientation(
            self.transpose != other.transpose, x != other.mirror_x, y != other.mirror_y
        )


UPRIGHT = Orientation()


def to_upright(
    frame: av.VideoFrame,
    index: int,
    orientation: Orientation,
    color: ColorSpec,
    stored_size: tuple[int, int],
    pool: PicturePool | None = None,
) -> Picture:
    """Return the upright picture of ``frame``; ``stored_size`` is (width, height) before rotation.

    A frame of another size (a stream may change its size) is scaled to ``stored_size``. A rotated
    picture is written to memory of ``pool``, which must have the size after rotation. Raises
    ``av.FFmpegError`` for a layout that libswscale cannot read.
    """
    picture = Picture.from_av(to_420(frame, color, stored_size), index)
    if orientation == UPRIGHT:
        return picture
    if pool is None:
        pool = PicturePool(*orientation.size(picture.width, picture.height))
    rotated = pool.empty(index)
    for source, target in zip(picture.planes(), rotated.planes(), strict=True):
        _rotate(source, target, orientation)
    return rotated.with_index(index)


def turn_picture(picture: Picture, orientation: Orientation) -> Picture:
    """Return ``picture`` turned by the steps of ``orientation``, in its own memory."""
    if orientation == UPRIGHT:
        return picture
    pool = PicturePool(*orientation.size(picture.width, picture.height))
    rotated = pool.empty(picture.index)
    for source, target in zip(picture.planes(), rotated.planes(), strict=True):
        _rotate(source, target, orientation)
    return rotated.with_index(picture.index)


def to_420(frame: av.VideoFrame, color: ColorSpec, size: tuple[int, int]) -> av.VideoFrame:
    """Convert to 8-bit 4:2:0 of ``size`` (width, height), with the colour range of ``color``.

    Transparent parts become white.
    RGB is converted with the matrix of ``color``; other frames keep their own. Raises
    ``av.FFmpegError`` for a layout that libswscale cannot read.
    """
    if frame.format.name in ("yuv420p", "yuvj420p") and (frame.width, frame.height) == size:
        return frame
    if has_alpha(frame):
        return on_white(frame, color.av_range, size)
    target: dict[str, int] = {"dst_color_range": color.av_range}
    if frame.format.is_rgb:
        target["dst_colorspace"] = Colorspace.ITU709 if color.matrix == BT709 else Colorspace.ITU601
    else:
        target["src_color_range"] = color.av_range
    # One thread: decoding, compositing and encoding already use all cores.
    return frame.reformat(*size, "yuv420p", interpolation=_SWS_FLAGS, threads=1, **target)


def to_rgb(frame: av.VideoFrame, color: ColorSpec, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Convert to (height, width, 3) uint8 RGB of ``size`` (width, height), for display to users.

    Raises ``av.FFmpegError`` for a layout that libswscale cannot read.
    """
    weights = color.luma_weights(frame.width, frame.height)
    converted = frame.reformat(
        *size,
        "rgb24",
        src_colorspace=_MATRICES.get(weights, Colorspace.ITU601),
        src_color_range=color.av_range,
        dst_color_range=ColorRange.JPEG,
        interpolation=_SWS_FLAGS,
        threads=1,
    )
    return np.asarray(converted.to_ndarray(), np.uint8)


def downscale(picture: Picture, width: int, height: int) -> Picture:
    """Return ``picture`` scaled down to an even size, or ``picture`` itself if it has that size.

    Neither side may be longer than that of ``picture``.
    """
    if (picture.width, picture.height) == (width, height):
        return picture
    small = Picture.empty(width, height, picture.index)
    for source, target in zip(picture.planes(), small.planes(), strict=True):
        cv2.resize(source, target.shape[::-1], target, interpolation=cv2.INTER_AREA)
    return small.with_index(picture.index)


def _rotate(source: Plane, target: Plane, orientation: Orientation) -> None:
    """Write ``source``, turned upright, into ``target`` without allocating memory."""
    if orientation.transpose:
        cv2.transpose(source, target)
        source = target
    if orientation.mirror_x or orientation.mirror_y:
        code = -1 if orientation.mirror_x and orientation.mirror_y else int(orientation.mirror_x)
        cv2.flip(source, code, target)
