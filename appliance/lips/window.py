"""The part of a plane under a mouth: resample rasters over the patch to its pixels.

A raster over the patch, of any size, is in patch fractions; a window is in the pixels of one plane.
All work per pixel happens inside windows, so its cost depends on the size of the mouth and not on
that of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, compose, invert

Array = npt.NDArray[np.float32]

# Maps luma pixels to those of a half-size plane: the middle of a 2 × 2 block is at 2 · c + 0.5.
# This differs from the siting of chroma samples (face.sampling) on purpose: the rasters that are
# resampled here count from the middle of their cells, too, and in training the weights of a chroma
# cell are the mean of 2 × 2 luma cells. Both offsets cancel where a patch pixel is as large as a
# picture pixel (tests/lips/test_window.py); with H.264's siting on one side only, the fill would be
# shifted by half a luma pixel.
_HALF = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]])


def to_half_size(matrix: Matrix) -> Matrix:
    """Convert a map to luma pixels into one to the pixels of a half-size plane."""
    return compose(_HALF, matrix)


@dataclass(frozen=True)
class Window:
    """A rectangle of a plane's pixels.

    ``to_patch`` maps pixels, counted from the corner of the rectangle, to patch fractions.
    """

    left: int
    top: int
    width: int
    height: int
    to_patch: Matrix

    @classmethod
    def of_mask(cls, matrix: Matrix, mask: Array, shape: tuple[int, ...]) -> Window | None:
        """Return the window of the non-zero part of ``mask``.

        ``matrix`` maps patch fractions to luma pixels. The bounds are even, so that chroma has the
        same ones. Returns ``None`` if the mask is empty or outside a picture of ``shape``.
        """
        bounds = mask_bounds(mask > 0)
        if bounds is None:
            return None
        low, high = _map_bounds(matrix, bounds)
        low = np.maximum(np.floor(low / 2) * 2, 0)
        high = np.minimum(np.ceil(high / 2) * 2, [shape[1], shape[0]])
        return _make_window(low, high, invert(matrix))

    def half_size(self) -> Window:
        """Return the same part of a half-size plane."""
        onto = compose(self.to_patch, np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]]))
        return Window(self.left // 2, self.top // 2, self.width // 2, self.height // 2, onto)

    def crop(self, bounds: Array) -> Window | None:
        """Return the part with ``bounds`` (see :func:`mask_bounds`), relative to this window."""
        low, high = _map_bounds(invert(self.to_patch), bounds)
        low, high = np.floor(np.maximum(low, 0)), np.ceil(high) + 1
        return _make_window(low, np.minimum(high, [self.width, self.height]), self.to_patch)

    @property
    def slices(self) -> tuple[slice, slice]:
        """The rows and columns of the window."""
        return np.s_[self.top : self.top + self.height, self.left : self.left + self.width]

    def resample(self, raster: Array) -> Array:
        """Interpolate a raster (h, w[, c]) over the patch at the window's pixels, as float32."""
        to_raster = self.to_patch * [[raster.shape[1]], [raster.shape[0]]]
        to_raster[:, 2] -= 0.5
        return np.asarray(
            cv2.warpAffine(
                raster,
                to_raster,
                (self.width, self.height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            dtype=np.float32,
        )

    def map_pixels(self, matrix: Matrix) -> tuple[Array, Array]:
        """Return x and y to which ``matrix`` (from patch fractions) maps the window's pixels."""
        whole = compose(matrix, self.to_patch).astype(np.float32)
        columns = np.arange(self.width, dtype=np.float32)[None, :]
        rows = np.arange(self.height, dtype=np.float32)[:, None]
        x, y = (row[0] * columns + (row[1] * rows + row[2]) for row in whole)
        return x, y


def mask_bounds(mask: npt.NDArray[np.bool_]) -> Array | None:
    """Return the bounds of a raster's set cells, in patch fractions: ((x, y) low, (x, y) high).

    They include one more cell on each side, as far as interpolation spreads. Returns ``None`` if
    nothing is set.
    """
    x, y, columns, rows = cv2.boundingRect(mask.view(np.uint8))
    if not columns:
        return None
    height, width = mask.shape
    low = ((x - 1) / width, (y - 1) / height)
    return np.array([low, ((x + columns + 1) / width, (y + rows + 1) / height)], np.float32)


def _map_bounds(matrix: Matrix, bounds: Array) -> tuple[npt.NDArray[np.float64], ...]:
    """Return low and high (x, y) of the upright rectangle around the mapped ``bounds``."""
    ends = matrix[:, :2] * bounds[:, None]  # contribution of each side of the bounds to x and y
    low, high = (extreme(ends, axis=0).sum(axis=1) for extreme in (np.min, np.max))
    return low + matrix[:, 2], high + matrix[:, 2]


def _make_window(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], to_patch: Matrix
) -> Window | None:
    left, top = (int(value) for value in low)
    width, height = (int(value) for value in high - low)
    if width < 2 or height < 2:
        return None
    shift = np.array([[1.0, 0, left], [0, 1.0, top]])
    return Window(left, top, width, height, compose(to_patch, shift))
