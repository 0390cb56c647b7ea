"""The part of a plane under a mouth: rasters over the patch brought to its pixels.

A raster over the patch, of whatever size, knows the mouth in patch fractions; a window knows the
pixels of one plane. Everything that is per pixel happens inside windows, so its cost is that of
the mouth and not of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, compose, invert

Array = npt.NDArray[np.float32]

# Luma pixels to those of a plane of half the size: the middle of a 2 × 2 block is at 2 · c + 0.5.
_HALF = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]])


def halved(matrix: Matrix) -> Matrix:
    """A map to luma pixels as one to the pixels of a half-size plane."""
    return compose(_HALF, matrix)


@dataclass(frozen=True)
class Window:
    """A rectangle of a plane's pixels; ``to_patch`` maps pixels counted from its own corner to
    patch fractions."""

    left: int
    top: int
    width: int
    height: int
    to_patch: Matrix

    @classmethod
    def over(cls, matrix: Matrix, mask: Array, shape: tuple[int, ...]) -> Window | None:
        """Where ``matrix`` (patch fractions to luma pixels) puts what is not zero in ``mask``.

        The bounds are even, so that chroma has the same. ``None`` where the mask is empty or lies
        outside a picture of ``shape``.
        """
        span = reach(mask > 0)
        if span is None:
            return None
        low, high = _bounds(matrix, span)
        low = np.maximum(np.floor(low / 2) * 2, 0)
        high = np.minimum(np.ceil(high / 2) * 2, [shape[1], shape[0]])
        return _window(low, high, invert(matrix))

    def half(self) -> Window:
        """The same part of a half-size plane."""
        onto = compose(self.to_patch, np.array([[2.0, 0, 0.5], [0, 2.0, 0.5]]))
        return Window(self.left // 2, self.top // 2, self.width // 2, self.height // 2, onto)

    def inner(self, span: Array) -> Window | None:
        """The part of it that holds ``span`` (see :func:`reach`), counted from its corner."""
        low, high = _bounds(invert(self.to_patch), span)
        low, high = np.floor(np.maximum(low, 0)), np.ceil(high) + 1
        return _window(low, np.minimum(high, [self.width, self.height]), self.to_patch)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return np.s_[self.top : self.top + self.height, self.left : self.left + self.width]

    def spread(self, raster: Array) -> Array:
        """A raster (h, w[, c]) over the patch, interpolated at the window's pixels."""
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

    def onto(self, matrix: Matrix) -> tuple[Array, Array]:
        """Where ``matrix`` (patch fractions to some pixels) puts the window's pixels: x and y."""
        whole = compose(matrix, self.to_patch).astype(np.float32)
        columns = np.arange(self.width, dtype=np.float32)[None, :]
        rows = np.arange(self.height, dtype=np.float32)[:, None]
        x, y = (line[0] * columns + (line[1] * rows + line[2]) for line in whole)
        return x, y


def reach(mask: npt.NDArray[np.bool_]) -> Array | None:
    """The patch fractions ((x, y) low, (x, y) high) that what is set in a raster may touch.

    A cell more on each side, as interpolation spreads that far; ``None`` where nothing is set.
    """
    x, y, columns, rows = cv2.boundingRect(mask.view(np.uint8))
    if not columns:
        return None
    height, width = mask.shape
    low = ((x - 1) / width, (y - 1) / height)
    return np.array([low, ((x + columns + 1) / width, (y + rows + 1) / height)], np.float32)


def _bounds(matrix: Matrix, span: Array) -> tuple[npt.NDArray[np.float64], ...]:
    """The upright rectangle around ``span`` after ``matrix``."""
    ends = matrix[:, :2] * span[:, None]  # what each side of the span adds to x and to y
    low, high = (pick(ends, axis=0).sum(axis=1) for pick in (np.min, np.max))
    return low + matrix[:, 2], high + matrix[:, 2]


def _window(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], to_patch: Matrix
) -> Window | None:
    left, top = (int(value) for value in low)
    width, height = (int(value) for value in high - low)
    if width < 2 or height < 2:
        return None
    shift = np.array([[1.0, 0, left], [0, 1.0, top]])
    return Window(left, top, width, height, compose(to_patch, shift))
