"""Move the face around the mouth: chin and cheeks follow the lips, the jaw's outline nearly stays.

Positions are in patch fractions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.atlas.face_shape import CHIN_POINTS, FaceShape
from appliance.atlas.spline import Spline
from appliance.lips.geometry import JAW_LINE, SPEECH_WEIGHTS

Array = npt.NDArray[np.float64]

_SMOOTHING = 1e-4
# How far the jaw line moves: more, and neck and background move along; on turned heads less.
_JAW_SHARE, _JAW_YAW_START, _JAW_YAW_RANGE = 0.6, 4.0, 12.0


@dataclass(frozen=True)
class BaseWarp:
    """The mouth of one frame and where it shall be.

    ``wanted`` (57, 2) are the mouth points to reach, ``inner_ring`` and ``outer_ring`` (20, 2) the
    rings of skin after the warp. ``flow`` is the displacement from a place after the warp to the
    place before it.
    """

    wanted: Array
    inner_ring: Array
    outer_ring: Array
    flow: Spline

    @classmethod
    def to(cls, face: FaceShape, shape: Array) -> BaseWarp:
        """Return the warp of ``face`` to a mouth of ``shape`` (57, 3) in the face frame."""
        move = (shape - face.shape) * SPEECH_WEIGHTS[:, None]
        shift = (move @ face.pose.rotation.T)[:, :2] * face.pose.scale
        shift = shift @ np.linalg.inv(face.matrix[:, :2]).T
        jaw = _JAW_SHARE * np.clip(1 - (abs(face.yaw) - _JAW_YAW_START) / _JAW_YAW_RANGE, 0, 1)
        shift[JAW_LINE] *= jaw
        # 18, 200, 199, 175: from the lip down to the jaw; moved alike, the chin would fold
        shift[CHIN_POINTS] *= np.array([1, 0.5 + 0.5 * jaw, 0.25 + 0.75 * jaw, jaw])[:, None]
        wanted = face.mouth + shift
        flow = Spline.fit(
            np.concatenate([wanted, face.anchors]),
            np.concatenate([face.mouth, face.anchors]),
            _SMOOTHING,
        )
        rings = flow.inverse(np.concatenate([face.inner_ring, face.outer_ring]))
        inner, outer = np.split(rings.astype(np.float64), 2)
        return cls(wanted, inner, outer, flow)
