"""Measure changes outside of the mouth.

The mouth's region is the patch that rendering may change (:func:`patch_matrix`). Everything else
should equal the presenter's own picture, except for the encoder's noise. Small blocks that differ
in *every* frame are a badge or a logo: they are measured separately and are not
treated as a fault.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import apply
from appliance.lips.geometry import patch_matrix
from appliance.media.picture import Picture, Plane
from appliance.score.face_tracks import FaceMeasurement
from appliance.score.seam import SeamMeter

Array = npt.NDArray[np.float64]

_BLOCK = 8  # side of a block in pixels
# grey levels by which a block of a badge differs, at least at one pixel, in every frame
_BADGE_DIFFERENCE = 12
_MIN_BADGE_FRAMES = 5  # with fewer frames, a badge cannot be distinguished from a fault
# Side of the region in patch sides: the pose here differs slightly from the renderer's.
_REGION_SCALE = 1.05


@dataclass(frozen=True)
class OutsideMouth:
    """Difference between video and source outside of the mouth, in grey levels of 8 bits.

    ``mean`` (luma) and ``max`` (luma and chroma) are of the absolute difference; ``badge_share`` is
    the share of the picture that a badge takes and that was excluded. ``seam`` is the step along
    the clearest edge around the mouth that persists for half a second and outside of which nothing
    is changed (see :class:`SeamMeter`); ``None`` without a face. For a patch with a sharp edge it
    is nearly the patch's difference. ``frames`` is the number of compared frames.
    """

    mean: float
    max: int
    badge_share: float
    seam: float | None
    frames: int


class OutsideMouthMeter:
    """Compares pairs of pictures of the same moment of the presenter."""

    def __init__(self, width: int, height: int) -> None:
        blocks = (-(-height // _BLOCK), -(-width // _BLOCK))
        self._max_difference: npt.NDArray[np.uint8] = np.zeros(blocks, np.uint8)
        self._min_difference: npt.NDArray[np.uint8] = np.full(blocks, 255, np.uint8)
        self._frames_outside = np.zeros(blocks, np.int64)
        self._sum = np.zeros(blocks)
        self._pixels = np.zeros(blocks)
        self._block_pixels = _block_sums(np.ones((height, width), np.uint8), _BLOCK)
        self._seam = SeamMeter()
        self._frames = 0

    def add(
        self,
        picture: Picture,
        source: Picture,
        face: FaceMeasurement | None,
        source_face: FaceMeasurement | None,
    ) -> None:
        """Compare a frame of the video with the source's; ``source_face`` is the source's face."""
        changes: list[Plane] = [
            np.asarray(cv2.absdiff(plane, original), np.uint8)
            for plane, original in zip(picture.planes(), source.planes(), strict=True)
        ]
        region_pixels = np.zeros(self._max_difference.shape, np.int64)
        if face is not None:
            corners = _region_corners(face)
            for change, half in zip(changes, (1, 2, 2), strict=True):
                # The width of the line covers the rounding of halved coordinates.
                cv2.fillConvexPoly(change, corners // half, 0)
                cv2.polylines(change, [corners // half], True, 0, thickness=3)
            region_pixels = _region_pixels(corners, picture.y.shape)
            if source_face is not None:
                self._seam.add(picture, source, (face, source_face))
        luma, u, v = changes
        block_max = np.maximum(_block_max(luma, _BLOCK), _block_max(u, _BLOCK // 2))
        block_max = np.maximum(block_max, _block_max(v, _BLOCK // 2))
        is_outside = region_pixels == 0
        np.maximum(self._max_difference, block_max, out=self._max_difference)
        self._min_difference[is_outside] = np.minimum(
            self._min_difference[is_outside], block_max[is_outside]
        )
        self._frames_outside += is_outside
        self._sum += _block_sums(luma, _BLOCK)
        self._pixels += self._block_pixels - region_pixels
        self._frames += 1

    def result(self) -> OutsideMouth | None:
        """Return the result; ``None`` if nothing was compared."""
        if not self._frames:
            return None
        badge = (self._frames_outside >= _MIN_BADGE_FRAMES) & (
            self._min_difference >= _BADGE_DIFFERENCE
        )
        # Also exclude its rim, over which the encoder smears it.
        rim = cv2.dilate(badge.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)
        rest = ~rim
        pixels = float(self._pixels[rest].sum())
        return OutsideMouth(
            mean=float(self._sum[rest].sum()) / pixels if pixels else 0.0,
            max=int(self._max_difference[rest].max(initial=0)),
            badge_share=float(badge.mean()),
            seam=self._seam.result(),
            frames=self._frames,
        )


def _region_corners(face: FaceMeasurement) -> npt.NDArray[np.int32]:
    """Return the mouth's region as a polygon in luma pixels."""
    edge = (_REGION_SCALE - 1) / 2
    square = np.array([[-edge, -edge], [1 + edge, -edge], [1 + edge, 1 + edge], [-edge, 1 + edge]])
    # The corners of a patch of one pixel are half a pixel from its centre.
    return np.round(apply(patch_matrix(face.pose, 1), square - 0.5)).astype(np.int32)


def _region_pixels(corners: npt.NDArray[np.int32], shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Return how many pixels of each block are in the region."""
    region: Plane = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(region, corners, 1)
    cv2.polylines(region, [corners], True, 1, thickness=3)
    low, high = np.clip([corners[:, 1].min() - 2, corners[:, 1].max() + 3], 0, shape[0]) // _BLOCK
    counts = np.zeros((-(-shape[0] // _BLOCK), -(-shape[1] // _BLOCK)), np.int64)
    counts[low : high + 1] = _block_sums(region[low * _BLOCK : (high + 1) * _BLOCK], _BLOCK)
    return counts


def _block_max(plane: Plane, side: int) -> Plane:
    """Return the largest value of each ``side`` × ``side`` block; edge blocks may be smaller."""
    rows = plane[::side].copy()
    for k in range(1, side):
        part = plane[k::side]
        np.maximum(rows[: len(part)], part, out=rows[: len(part)])
    blocks = rows[:, ::side].copy()
    for k in range(1, side):
        columns = rows[:, k::side]
        np.maximum(blocks[:, : columns.shape[1]], columns, out=blocks[:, : columns.shape[1]])
    return blocks


def _block_sums(plane: Plane, side: int) -> npt.NDArray[np.int64]:
    """Return the sum of each block."""
    rows = plane[::side].astype(np.uint16)
    for k in range(1, side):
        part = plane[k::side]
        rows[: len(part)] += part
    blocks = rows[:, ::side].astype(np.int64)
    for k in range(1, side):
        columns = rows[:, k::side]
        blocks[:, : columns.shape[1]] += columns
    return blocks
