"""Detect faces with BlazeFace short-range (Bazarevsky et al. 2019, arXiv 1907.05047).

The network's input has 128 × 128 pixels, so a face smaller than a tenth of the picture cannot be
detected in the whole picture. If no face is detected there with confidence, overlapping squares of
decreasing size are searched. Detection is run only occasionally: in between, the mesh tracks the
face.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.face.sampling import Matrix, Planes, apply, sample_rgb
from appliance.face.tflite import TFLiteModel

Array = npt.NDArray[np.float64]

_MIN_SCORE = 0.5
# below this score, continue: a false detection may hide a face too small to be detected
_CONFIDENT_SCORE = 0.8
_MERGE_IOU = 0.3  # intersection over union from which two boxes are the same face
_MIN_TILE_SHARE = 0.1  # width of the smallest face that is found in a tile
_TILE_DEPTHS = 2  # halvings of the short side: faces down to a fortieth of it


@dataclass(frozen=True)
class Detection:
    """One face in picture pixels.

    ``box`` is (left, top, right, bottom); ``keypoints`` (6, 2) are the right eye, left eye, nose
    tip, mouth centre, right ear and left ear, from the person's point of view; ``score`` is in [0,
    1].
    """

    box: Array
    keypoints: Array
    score: float

    @property
    def width(self) -> float:
        """Width of the box in pixels."""
        return float(self.box[2] - self.box[0])

    @property
    def centre(self) -> Array:
        """Middle of the box, (x, y) in pixels."""
        return np.array([self.box[0] + self.box[2], self.box[1] + self.box[3]]) / 2


class FaceDetector:
    """BlazeFace short-range, applied to whole pictures and tiles of them."""

    def __init__(self, network: TFLiteModel) -> None:
        self._network = network
        self._anchors = _anchors()

    def detect(self, picture: Planes, pixel_aspect: float = 1.0) -> list[Detection]:
        """Return all faces, best score first.

        ``pixel_aspect`` is the sample aspect ratio (width / height).
        """
        height, width = picture.y.shape
        best: list[Detection] = []
        for squares in _search_squares(width * pixel_aspect, height):
            found = _merge_overlapping(
                [
                    face
                    for left, top, side in squares
                    for face in self._in_square(picture, left, top, side, pixel_aspect)
                ]
            )
            if found and (not best or found[0].score > best[0].score):
                best = found
            if best and best[0].score >= _CONFIDENT_SCORE:
                break
        return best

    def smallest_width(self, picture: Planes, pixel_aspect: float = 1.0) -> int:
        """Return the width in pixels that a face needs so that :meth:`detect` finds it."""
        height, width = picture.y.shape
        tile = min(width * pixel_aspect, height) / 2 ** (_TILE_DEPTHS - 1)
        return int(np.ceil(_MIN_TILE_SHARE * tile / pixel_aspect))

    def detect_small(self, picture: Planes, pixel_aspect: float = 1.0) -> list[Detection]:
        """Return the faces that are too small for :meth:`detect`, best score first; slow."""
        height, width = picture.y.shape
        short_side = min(width * pixel_aspect, height)
        for depth in range(_TILE_DEPTHS, _TILE_DEPTHS + 2):
            found = _merge_overlapping([
                face
                for left, top, side in _tiles(width * pixel_aspect, height, short_side / 2**depth)
                for face in self._in_square(picture, left, top, side, pixel_aspect)
                if face.score >= _CONFIDENT_SCORE
            ])  # fmt: skip
            if found:
                return found
        return []

    def _in_square(
        self, picture: Planes, left: float, top: float, side: float, aspect: float
    ) -> list[Detection]:
        size = self._network.size
        step = side / size
        matrix: Matrix = np.array(
            [
                [step / aspect, 0, (left + 0.5 * step) / aspect - 0.5],
                [0, step, top + 0.5 * step - 0.5],
            ]
        )
        patch = sample_rgb(picture, matrix, size, size).astype(np.float32) / 127.5 - 1.0
        boxes, logits = self._network(patch)
        raw, scores = boxes[0].astype(np.float64), _sigmoid(logits[0, :, 0].astype(np.float64))
        keep = np.flatnonzero(scores >= _MIN_SCORE)
        detections = []
        for i in keep:
            # Offsets are in input pixels from the anchor's centre, which is in [0, 1].
            centre = raw[i, :2] + self._anchors[i] * size
            points = raw[i, 4:].reshape(6, 2) + self._anchors[i] * size
            half = raw[i, 2:4] / 2
            box = apply(matrix, np.array([centre - half, centre + half])).reshape(4)
            detections.append(Detection(box, apply(matrix, points), float(scores[i])))
        return detections


def _search_squares(width: float, height: float) -> Iterator[list[tuple[float, float, float]]]:
    """Yield lists of (left, top, side) squares in display pixels, from coarse to fine."""
    side = max(width, height)
    yield [((width - side) / 2, (height - side) / 2, side)]
    short_side = min(width, height)
    for depth in range(_TILE_DEPTHS):
        tile = short_side / 2**depth
        if tile < side:
            yield _tiles(width, height, tile)


def _tiles(width: float, height: float, tile: float) -> list[tuple[float, float, float]]:
    columns, rows = _tile_starts(width, tile), _tile_starts(height, tile)
    return [(left, top, tile) for top in rows for left in columns]


def _tile_starts(length: float, tile: float) -> list[float]:
    """Return the starts of tiles that cover ``length`` and overlap by at least half."""
    count = int(np.ceil((length - tile) / (tile / 2))) + 1
    return [float(x) for x in np.linspace(0, length - tile, max(count, 1))]


def _anchors() -> Array:
    """Return the anchors' centres, (896, 2) in [0, 1].

    Two per 8-pixel cell of a 16 × 16 grid, six per cell of an 8 × 8 grid.
    """
    grids = []
    for cells, repeats in ((16, 2), (8, 6)):
        axis = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(axis, axis)
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    return np.concatenate(grids)


def _merge_overlapping(faces: list[Detection]) -> list[Detection]:
    """Merge overlapping boxes, weighted by score, to reduce jitter (as in the BlazeFace paper)."""
    rest = sorted(faces, key=lambda face: -face.score)
    merged = []
    while rest:
        best = rest[0]
        group = [face for face in rest if _iou(face.box, best.box) >= _MERGE_IOU]
        rest = [face for face in rest if _iou(face.box, best.box) < _MERGE_IOU]
        weights = np.array([face.score for face in group])
        merged.append(
            Detection(
                np.average([face.box for face in group], axis=0, weights=weights),
                np.average([face.keypoints for face in group], axis=0, weights=weights),
                best.score,
            )
        )
    return merged


def _iou(a: Array, b: Array) -> float:
    """Return the intersection over union of two boxes."""
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.maximum(size, 0)))
    areas = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]))
    return shared / (areas - shared) if areas > shared else 1.0


def _sigmoid(x: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -80, 80))), dtype=np.float64)
