"""Sample small upright patches from 4:2:0 pictures without converting the whole picture.

Matrices here are 2 × 3 and map patch coordinates to picture (luma) coordinates; both count from
pixel centres. Chroma follows the H.264 default siting: co-sited with even luma columns, between
luma rows.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Matrix = npt.NDArray[np.float64]

# Luma (x, y) -> chroma (x, y) of a sample; see the siting above. lips.window counts from the middle
# of 2 × 2 blocks instead, for the reason given there.
_TO_CHROMA = np.array([[0.5, 0.0, 0.0], [0.0, 0.5, -0.25]])
_AREA_AVERAGE_FROM = 2.0  # picture pixels per patch pixel from which bilinear sampling would alias


class Planes(Protocol):
    """Anything with uint8 4:2:0 planes: ``y`` (H, W), ``u`` and ``v`` (H/2, W/2)."""

    @property
    def y(self) -> Plane: ...
    @property
    def u(self) -> Plane: ...
    @property
    def v(self) -> Plane: ...


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """Return the 2 × 3 map that applies ``inner`` first and then ``outer``."""
    composed = np.asarray(outer[:, :2] @ inner, dtype=np.float64)
    composed[:, 2] += outer[:, 2]
    return composed


def invert(matrix: Matrix) -> Matrix:
    """Return the inverse of a 2 × 3 map."""
    return np.asarray(cv2.invertAffineTransform(matrix), dtype=np.float64)


def apply(matrix: Matrix, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Map ``points`` (…, 2) through a 2 × 3 ``matrix``."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped, dtype=np.float64)


def chroma_matrix(matrix: Matrix) -> Matrix:
    """Return the map of the half-size chroma patch that matches the luma patch of ``matrix``."""
    half_to_full = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.5]])
    return compose(_TO_CHROMA, compose(matrix, half_to_full))


def sample_plane(plane: Plane, matrix: Matrix, width: int, height: int) -> Plane:
    """Sample a (height, width) uint8 patch; edges are replicated.

    It is area-averaged where it shrinks by a factor of 2 or more.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if scale >= _AREA_AVERAGE_FROM:
        plane, matrix = _downscale_part(plane, matrix, width, height, int(scale))
    return np.asarray(
        cv2.warpAffine(
            plane,
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        dtype=np.uint8,
    )


def _downscale_part(
    plane: Plane, matrix: Matrix, width: int, height: int, factor: int
) -> tuple[Plane, Matrix]:
    """Average ``factor`` × ``factor`` blocks of the needed part of the plane.

    Returns the smaller plane, and ``matrix`` changed to match it.
    """
    corners = apply(matrix, np.array([[0, 0], [width, 0], [0, height], [width, height]]) - 0.5)
    low = np.floor(corners.min(axis=0)).astype(int) - factor
    high = np.ceil(corners.max(axis=0)).astype(int) + factor
    left, top = np.clip(low, 0, [plane.shape[1] - 1, plane.shape[0] - 1])
    right, bottom = np.clip(high, [left + 1, top + 1], [plane.shape[1], plane.shape[0]])
    columns, rows = max((right - left) // factor, 1), max((bottom - top) // factor, 1)
    part = plane[top : top + min(rows * factor, bottom - top)]
    part = part[:, left : left + min(columns * factor, right - left)]
    small = cv2.resize(part, (int(columns), int(rows)), interpolation=cv2.INTER_AREA)
    fx, fy = part.shape[1] / columns, part.shape[0] / rows
    # Pixel centre p of the part is at (p + 0.5) / f - 0.5 of the shrunk one.
    to_small = np.array([[1 / fx, 0, (0.5 - left) / fx - 0.5], [0, 1 / fy, (0.5 - top) / fy - 0.5]])
    return np.asarray(small, dtype=np.uint8), compose(to_small, matrix)


def sample_yuv(picture: Planes, matrix: Matrix, width: int, height: int) -> Plane:
    """Sample a (height, width, 3) uint8 YUV patch, chroma at luma size, values as stored."""
    y = sample_plane(picture.y, matrix, width, height)
    chroma = compose(_TO_CHROMA, matrix)
    u = sample_plane(picture.u, chroma, width, height)
    v = sample_plane(picture.v, chroma, width, height)
    return np.asarray(cv2.merge([y, u, v]), dtype=np.uint8)


def sample_rgb(picture: Planes, matrix: Matrix, width: int, height: int) -> Plane:
    """Sample a (height, width, 3) uint8 RGB patch.

    The conversion is BT.601 limited range for all sources: the face networks tolerate that.
    """
    y, u, v = cv2.split(sample_yuv(picture, matrix, width, height))
    stretch = 255.0 / 219.0
    y = cv2.convertScaleAbs(np.maximum(y, 16), alpha=stretch, beta=-16.0 * stretch)
    return np.asarray(cv2.cvtColor(cv2.merge([y, v, u]), cv2.COLOR_YCrCb2RGB), dtype=np.uint8)
