"""The points of a face that an atlas of mouths needs: lips, two rings of skin, and fixed points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.face.pose import Pose
from appliance.face.sampling import Matrix, apply, invert
from appliance.face.track import FaceLandmarks
from appliance.lips.geometry import CHIN, JAW_LINE, MOUTH_POINTS, to_face_frame
from appliance.lips.profile import fraction_matrix

Array = npt.NDArray[np.float64]

# Rings of skin around the lips, in the order of the outline: chin side first, then below the nose.
_INNER_RING = (
    57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 393, 164, 167, 165, 92, 186,
)  # fmt: skip
_OUTER_RING = (
    212, 202, 204, 194, 201, 200, 421, 418, 424, 422, 432, 436, 426, 327, 326, 2, 97, 98, 206, 216,
)  # fmt: skip
# Nose, cheeks and the sides of the face, which the mouth does not move.
_FIXED = (
    2, 97, 326, 98, 327, 1, 205, 425, 50, 280, 117, 346,
    234, 454, 93, 323, 132, 361, 58, 288, 36, 266, 129, 358,
)  # fmt: skip
# Corners of the eyes, brows and nose, whose distances tell people apart.
_IDENTITY = (
    33, 133, 362, 263, 70, 63, 105, 66, 107, 55, 65, 52, 53, 46, 300, 293, 334, 296, 336, 285, 295,
    282, 283, 276, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 48, 278, 64, 294, 49, 279, 129, 358,
)  # fmt: skip
_MOUTH_COUNT = len(MOUTH_POINTS)
_INDICES = [*MOUTH_POINTS, *_INNER_RING, *_OUTER_RING, *_FIXED]

FACE_POINTS = tuple(sorted({*_INDICES, *_IDENTITY}))
"""The mesh points that :class:`FaceShape` is computed from, besides the rigid ones of the pose."""

LIPS = slice(0, 40)
CHIN_POINTS = slice(_MOUTH_COUNT - len(CHIN), _MOUTH_COUNT)
# Of a ring: the points above the mouth with those at its sides, and the points below it with them.
RING_ABOVE = np.array([0, *range(10, 20)])
RING_BELOW = np.arange(0, 11)
# The jaw line is pushed away from the mouth by this factor to anchor what lies outside the face.
_OUTSIDE_FACE = 1.45


@dataclass(frozen=True)
class FaceShape:
    """A face in one frame.

    ``matrix`` maps patch fractions to picture pixels. ``shape`` (57, 3) are the mouth points in the
    face frame. The others are in patch fractions: ``mouth`` (57, 2), the rings of skin
    ``inner_ring`` and ``outer_ring`` (20, 2), and ``anchors`` (37, 2), which no mouth moves.
    ``identity`` (42, 3) are points of eyes, brows and nose in the face frame.
    """

    pose: Pose
    matrix: Matrix
    shape: Array
    mouth: Array
    inner_ring: Array
    outer_ring: Array
    anchors: Array
    identity: Array

    @classmethod
    def of(cls, face: FaceLandmarks) -> FaceShape:
        """Return the shape of ``face``."""
        pose = face.pose
        matrix = fraction_matrix(pose)
        points = apply(invert(matrix), face.points[_INDICES, :2])
        mouth, inner, outer, fixed = np.split(points, [_MOUTH_COUNT, _MOUTH_COUNT + 20, -24])
        middle = mouth[LIPS].mean(axis=0)
        outside = middle + (mouth[JAW_LINE] - middle) * _OUTSIDE_FACE
        anchors = np.concatenate([fixed, outside])
        shape = to_face_frame(face.points, pose)
        identity = pose.unproject(face.points[_IDENTITY, :])
        return cls(pose, matrix, shape, mouth, inner, outer, anchors, identity)

    @property
    def yaw(self) -> float:
        """Rotation to the side in degrees."""
        return float(self.pose.yaw)

    @property
    def pitch(self) -> float:
        """Rotation up or down in degrees."""
        rotation = self.pose.rotation
        return float(np.degrees(np.arctan2(rotation[2, 1], rotation[2, 2])))

    @property
    def eye_distance(self) -> float:
        """Distance of the outer corners of the eyes in pixels."""
        return float(self.pose.scale)
