"""The shape of the mouth: its points of the face mesh, and the patch of the face around it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from appliance.face.pose import Pose
from appliance.face.sampling import Matrix

Array = npt.NDArray[np.float64]

# Rings run from the person's right mouth corner along the lower lip to the left corner and back.
LIPS_OUTER = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
LIPS_INNER = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
JAW = (172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397)
CHIN = (18, 200, 199, 175)

MOUTH_POINTS = LIPS_OUTER + LIPS_INNER + JAW + CHIN
OUTER = slice(0, 20)
INNER = slice(20, 40)
JAW_LINE = slice(40, 53)
# How far each point follows speech. The ends of the jaw are on the outline of a turned head, where
# the mesh is unstable and the mouth moves nothing.
_JAW_WEIGHTS = (0.0, 0.1, 0.3, 0.6, 0.9, 1.0, 1.0, 1.0, 0.9, 0.6, 0.3, 0.1, 0.0)
SPEECH_WEIGHTS = np.array([1.0] * 40 + list(_JAW_WEIGHTS) + [1.0] * 4)
INNER_TOP, INNER_BOTTOM = MOUTH_POINTS.index(13), MOUTH_POINTS.index(14)

# Pairs of inner-lip points that touch when the mouth is closed, (below, above), without the
# corners.
_INNER_PAIRS = [(20 + i, 40 - i) for i in range(1, 10)]

_BELOW, _ABOVE = (np.array(points) for points in zip(*_INNER_PAIRS, strict=True))
_LENS = np.sin(np.pi * np.arange(1, 10) / 10)  # gaps of slightly open lips, from corner to corner

# The patch: a square of the face frame from the nostrils to under the chin of an open mouth.
PATCH_CENTRE = np.array([0.0, 0.98, -0.30])
PATCH_SIDE = 1.30


def to_face_frame(points: npt.NDArray[np.floating], pose: Pose) -> Array:
    """Convert mesh ``points`` (…, 468, 3) to mouth points (…, 57, 3) in eye distances."""
    return pose.unproject(points[..., MOUTH_POINTS, :])


def mouth_opening(shape: Array) -> Array:
    """Return how far the mouth ``shape`` (…, 57, 3) is open, in eye distances, as (…,).

    That is the distance between the inner lips at the middle.
    """
    return np.asarray(
        np.linalg.norm(shape[..., INNER_TOP, :] - shape[..., INNER_BOTTOM, :], axis=-1)
    )


def close_mouth(shape: Array) -> Array:
    """Return ``shape`` (57, 3) with the inner lips closed; each lip keeps its thickness."""
    return with_gaps(shape, np.zeros((len(_INNER_PAIRS), 3)))


def open_mouth(shape: Array, opening: float) -> Array:
    """Return ``shape`` (57, 3) with the inner lips ``opening`` eye distances apart in the middle.

    The gap between them has the form of a lens; each lip keeps its thickness.
    """
    return with_gaps(close_mouth(shape), opening * _LENS[:, None] * np.array([0.0, 1.0, 0.0]))


def inner_gaps(shape: Array) -> Array:
    """Return the vectors (…, 9, 3) from the upper to the lower inner lip of ``shape`` (…, 57, 3).

    They run from the person's right to the left, without the corners.
    """
    return np.asarray(shape[..., _BELOW, :] - shape[..., _ABOVE, :])


def with_gaps(shape: Array, gaps: Array) -> Array:
    """Return ``shape`` (…, 57, 3) with these :func:`inner_gaps` (…, 9, 3)."""
    moved = shape.copy()
    change = gaps - inner_gaps(shape)
    # The jaw moves the lower lip most of the way, and the upper lip moves the rest.
    for points, share in ((_BELOW, 0.65), (_ABOVE, -0.35)):
        moved[..., points, :] += share * change
        moved[..., points - 20, :] += share * change
    return moved


def patch_matrix(pose: Pose, size: int) -> Matrix:
    """Return the map from a ``size`` × ``size`` patch around the mouth to picture pixels.

    The patch follows the roll of the head, so that the mouth is upright in it.
    """
    centre = pose.project(PATCH_CENTRE[None])[0, :2]
    step = float(pose.scale) * PATCH_SIDE / size
    c, s = np.cos(float(pose.roll)) * step, np.sin(float(pose.roll)) * step
    middle = (size - 1) / 2
    return np.array(
        [
            [c, -s, centre[0] - middle * (c - s)],
            [s, c, centre[1] - middle * (s + c)],
        ]
    )
