"""The 468-point face mesh (Kartynnik et al. 2019, arXiv 1907.06724) on a rotated square.

Point numbers are the mesh's own; those used elsewhere have names here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.face.detect import Detection
from appliance.face.sampling import Matrix, Planes, compose, sample_rgb
from appliance.face.tflite import TFLiteModel

Patch = npt.NDArray[np.float32]

POINTS = 468
RIGHT_EYE_OUTER, LEFT_EYE_OUTER = 33, 263
INNER_LIP_TOP, INNER_LIP_BOTTOM = 13, 14

# Side of the input square relative to the face, as in training (from MediaPipe's graph).
_MARGIN = 1.5


@dataclass(frozen=True)
class Region:
    """The square input of the mesh, in display pixels: centre, side, and rotation in radians."""

    x: float
    y: float
    side: float
    angle: float

    def matrix(self, size: int, pixel_aspect: float) -> Matrix:
        """Return the map from a ``size`` × ``size`` patch to picture pixels."""
        step = self.side / size
        c, s = np.cos(self.angle) * step, np.sin(self.angle) * step
        middle = (size - 1) / 2
        display = np.array(
            [
                [c, -s, self.x - c * middle + s * middle],
                [s, c, self.y - s * middle - c * middle],
            ]
        )
        return compose(np.array([[1 / pixel_aspect, 0, 0], [0, 1.0, 0]]), display)


def region_of_detection(face: Detection, pixel_aspect: float = 1.0) -> Region:
    """Return the mesh's first region, from a detected face."""
    scale = np.array([pixel_aspect, 1.0])
    size = (face.box[2:] - face.box[:2]) * scale
    x, y = face.centre * scale
    right, left = face.keypoints[:2] * scale
    return Region(float(x), float(y), float(size.max() * _MARGIN), _angle(np.asarray(left - right)))


def region_of_points(points: npt.NDArray[np.float32], pixel_aspect: float = 1.0) -> Region:
    """Return the mesh's next region, from its last ``points`` (468, 3) in picture pixels."""
    display = points[:, :2].astype(np.float64) * [pixel_aspect, 1.0]
    angle = _angle(display[LEFT_EYE_OUTER] - display[RIGHT_EYE_OUTER])
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = display @ rotation.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    x, y = rotation.T @ ((low + high) / 2)
    return Region(float(x), float(y), float((high - low).max() * _MARGIN), angle)


class FaceMesh:
    """Computes the landmarks of the face in a region."""

    def __init__(self, network: TFLiteModel) -> None:
        self._network = network

    def __call__(
        self, picture: Planes, region: Region, pixel_aspect: float = 1.0
    ) -> tuple[npt.NDArray[np.float32], float]:
        """Return ``points`` (468, 3) float32 and the confidence in [0, 1] that there is a face.

        x and y are picture pixels; z is depth in display pixels, smaller is nearer.
        """
        return self.read(self.patch(picture, region, pixel_aspect), region, pixel_aspect)

    def patch(self, picture: Planes, region: Region, pixel_aspect: float = 1.0) -> Patch:
        """Return the network's input for ``region``: (192, 192, 3) float32 RGB in 0..1."""
        size = self._network.size
        matrix = region.matrix(size, pixel_aspect)
        return np.asarray(sample_rgb(picture, matrix, size, size), np.float32) / np.float32(255)

    def read(
        self, patch: Patch, region: Region, pixel_aspect: float = 1.0
    ) -> tuple[npt.NDArray[np.float32], float]:
        """Return landmarks and confidence for the :meth:`patch` of ``region``."""
        size = self._network.size
        matrix = region.matrix(size, pixel_aspect)
        coordinates, logit = self._network(patch)
        local = coordinates.reshape(POINTS, 3)
        points = np.empty((POINTS, 3), np.float32)
        # The network's origin is the corner of the patch, the matrix's the centre of its first
        # pixel.
        points[:, :2] = (local[:, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2]
        points[:, 2] = local[:, 2] * (region.side / size)
        return points, float(1.0 / (1.0 + np.exp(-np.clip(logit.item(), -80, 80))))


def _angle(across: npt.NDArray[np.float64]) -> float:
    """Return the rotation in radians of the line from the person's right eye to the left."""
    return float(np.arctan2(across[1], across[0]))
