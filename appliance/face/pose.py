"""Position and rotation of the head, from the points of the mesh that speech does not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# The mean of the mesh over the GRID clips, aligned (generalised Procrustes) and made symmetric,
# with the outer eye corners at x = ∓0.5. The unit of the face frame is the eye distance; x points
# to the person's left, y down, z away from the camera. Eye corners, nose bridge, brow, temples.
_RIGID = {
    33: (-0.5000, 0.0000, 0.0000),
    133: (-0.1939, 0.0213, -0.0540),
    362: (0.1939, 0.0213, -0.0540),
    263: (0.5000, 0.0000, 0.0000),
    168: (0.0000, -0.0293, -0.2509),
    6: (0.0000, 0.0651, -0.2924),
    197: (0.0000, 0.1573, -0.3413),
    195: (0.0000, 0.2438, -0.3960),
    5: (0.0000, 0.3370, -0.4524),
    4: (0.0000, 0.4462, -0.4697),
    8: (0.0000, -0.1132, -0.2654),
    9: (0.0000, -0.2154, -0.2901),
    151: (0.0000, -0.4248, -0.2742),
    10: (0.0000, -0.6226, -0.2510),
    127: (-0.7664, 0.0241, 0.5598),
    356: (0.7664, 0.0241, 0.5598),
    162: (-0.7569, -0.1524, 0.4269),
    389: (0.7569, -0.1524, 0.4269),
    54: (-0.6600, -0.4191, 0.1176),
    284: (0.6600, -0.4191, 0.1176),
}
RIGID_POINTS = list(_RIGID)
"""Indices of the mesh points that speech does not move."""

_MODEL = np.array(list(_RIGID.values()))


@dataclass(frozen=True)
class Pose:
    """The map from the face frame to a picture: ``scale · rotation · p + offset``.

    ``scale`` (…,) is the eye distance in pixels, ``rotation`` (…, 3, 3), ``offset`` (…, 3) in
    pixels. Leading axes allow one pose or a whole track of them.
    """

    scale: Array
    rotation: Array
    offset: Array

    @property
    def yaw(self) -> Array:
        """Rotation to the side in degrees; positive when the person's left cheek comes forward."""
        return np.degrees(np.arctan2(-self.rotation[..., 2, 0], self.rotation[..., 2, 2]))

    @property
    def roll(self) -> Array:
        """Rotation in the picture plane in radians."""
        return np.asarray(
            np.arctan2(self.rotation[..., 1, 0], self.rotation[..., 0, 0]), dtype=np.float64
        )

    def project(self, points: Array) -> Array:
        """Convert points in the face frame (…, n, 3) to picture pixels and depth (…, n, 3)."""
        rotated = points @ np.swapaxes(self.rotation, -1, -2)
        return np.asarray(
            self.scale[..., None, None] * rotated + self.offset[..., None, :], dtype=np.float64
        )

    def unproject(self, points: npt.NDArray[np.floating]) -> Array:
        """Convert picture pixels and depth (…, n, 3) to the face frame (…, n, 3)."""
        centred = (points - self.offset[..., None, :]) / self.scale[..., None, None]
        return np.asarray(centred @ self.rotation, dtype=np.float64)


def fit_pose(points: npt.NDArray[np.floating]) -> Pose:
    """Fit the least-squares similarity from the face frame to mesh ``points`` (…, 468, 3).

    The closed form of Umeyama (1991), with reflections excluded.
    """
    rigid_points = points[..., RIGID_POINTS, :].astype(np.float64)
    mean = rigid_points.mean(axis=-2, keepdims=True)
    model_mean = _MODEL.mean(axis=0)
    model = _MODEL - model_mean
    u, d, vt = np.linalg.svd(np.swapaxes(rigid_points - mean, -1, -2) @ model)
    sign = np.sign(np.linalg.det(u @ vt))
    u[..., :, 2] *= sign[..., None]
    d[..., 2] *= sign
    rotation = u @ vt
    scale = d.sum(axis=-1) / float((model**2).sum())
    offset = mean[..., 0, :] - scale[..., None] * (rotation @ model_mean)
    return Pose(scale, rotation, offset)
