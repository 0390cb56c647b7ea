"""Windows of a frame's pixels, and coarse grids over them that are enlarged to every pixel."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, apply, compose, invert
from appliance.lips.window import Window

Array = npt.NDArray[np.float32]
Points = npt.NDArray[np.floating]

_FRACTION_BITS = 4
_SUPERSAMPLING = 4


def window_around(
    matrix: Matrix, low: Points, high: Points, shape: tuple[int, ...]
) -> Window | None:
    """Return the window of a luma plane of ``shape`` around a rectangle in patch fractions.

    ``matrix`` maps patch fractions to pixels. The bounds are even, so that chroma has the same
    ones. Returns ``None`` if the rectangle is outside the plane.
    """
    corners = apply(matrix, np.array([low, (high[0], low[1]), (low[0], high[1]), high]))
    start = np.maximum(np.floor(corners.min(axis=0) / 2).astype(int) * 2, 0)
    stop = np.minimum(np.ceil(corners.max(axis=0) / 2).astype(int) * 2, (shape[1], shape[0]))
    (left, top), (width, height) = start.tolist(), (stop - start).tolist()
    if width < 8 or height < 8:
        return None
    shift = np.array([[1.0, 0, left], [0, 1.0, top]])
    return Window(left, top, width, height, compose(invert(matrix), shift))


def grid_points(window: Window, columns: int, rows: int) -> npt.NDArray[np.float64]:
    """Return the places (rows, columns, 2) in patch fractions of a grid over ``window``."""
    x = (np.arange(columns) + 0.5) * (window.width / columns) - 0.5
    y = (np.arange(rows) + 0.5) * (window.height / rows) - 0.5
    return apply(window.to_patch, np.stack(np.meshgrid(x, y), axis=-1))


def enlarge(grid: Array, window: Window) -> Array:
    """Return the values of a grid (rows, columns[, c]) over ``window`` at its pixels."""
    size = (window.width, window.height)
    return np.asarray(cv2.resize(grid, size, interpolation=cv2.INTER_LINEAR), np.float32)


def pixel_places(matrix: Matrix, window: Window) -> Array:
    """Return where an affine ``matrix`` maps the pixels of ``window``, (height, width, 2)."""
    (a, b, c), (d, e, f) = matrix.astype(np.float32)
    columns = np.arange(window.width, dtype=np.float32)
    rows = np.arange(window.height, dtype=np.float32)[:, None]
    places = np.empty((window.height, window.width, 2), np.float32)
    np.add(a * columns, b * rows + c, out=places[..., 0])
    np.add(d * columns, e * rows + f, out=places[..., 1])
    return places


def half_places(places: Array) -> Array:
    """Convert luma positions (h, w, 2) of luma pixels to chroma positions of chroma pixels."""
    height, width = places.shape[:2]
    half = cv2.resize(places, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.float32) * np.float32(0.5) - np.float32(0.25)


def fetch(plane: npt.NDArray[np.uint8], places: Array, flags: int = cv2.INTER_LINEAR) -> Array:
    """Return the values of ``plane`` at ``places`` (h, w, 2), as float32 in 0..255."""
    return resample(plane, places, flags).astype(np.float32)


def resample(
    plane: npt.NDArray[np.uint8], places: Array, flags: int = cv2.INTER_LINEAR
) -> npt.NDArray[np.uint8]:
    """Return the values of ``plane`` at ``places`` (h, w, 2); edges are replicated."""
    resampled = cv2.remap(  # type: ignore[call-overload]  # the stubs lack None
        plane, places, None, flags, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(resampled, np.uint8)


def draw_polygon(outline: Points, columns: int, rows: int) -> Array:
    """Return the inside of ``outline`` (n, 2) as a mask (rows, columns) in 0..1.

    The outline is in 0..1 of columns and rows. Edges are antialiased.
    """
    scale = (columns * _SUPERSAMPLING, rows * _SUPERSAMPLING)
    fixed = np.round((outline * scale - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)
    large = np.zeros(scale[::-1], np.uint8)
    cv2.fillPoly(large, [fixed], 255, shift=_FRACTION_BITS)
    small = cv2.resize(large, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small * np.float32(1 / 255))


def in_window(points: Points, window: Window) -> npt.NDArray[np.float64]:
    """Convert patch fractions (n, 2) to 0..1 of the width and height of ``window``."""
    pixels = apply(invert(window.to_patch), points) + 0.5
    return np.asarray(pixels / (window.width, window.height))
