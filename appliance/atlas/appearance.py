"""What a frame looks like: light of the skin, colour of the lips, a thumbnail of the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.atlas.face_shape import LIPS, FaceShape
from appliance.atlas.spline import Spline
from appliance.face.sampling import Planes, apply
from appliance.lips.geometry import INNER, OUTER

Array = npt.NDArray[np.float32]

# The thumbnail of the mouth: wide enough for the lips and what is between them.
MOUTH_WIDTH, MOUTH_HEIGHT = 40, 24
_MARGIN = 0.02  # patch fractions around the lips in the thumbnail
_SKIN_LEVEL = 110.0  # luma above black that the skin of a thumbnail is scaled to
_BLACK, _GREY = 16.0, 128.0
_LIP_QUANTILE = 0.7  # of the points on the lips: leaves out highlights and the dark of the corners
_SMOOTHING = 1e-5
_UPPER = slice(12, 19)  # points of the upper lip, without the corners


@dataclass(frozen=True)
class FrameLook:
    """The appearance of one frame.

    ``skin`` (3,) are the median luma and chroma of the skin around the mouth, as stored, and
    ``lip_chroma`` is how far the chroma of the lips is from that of the skin. ``upper_red`` is the
    redness, (r - g) / (r + g + b), of the upper lip less that of the skin. ``mouth``
    (MOUTH_HEIGHT · MOUTH_WIDTH,) is the luma of the mouth, warped to the mean shape of lips and
    divided by that of the skin. ``detail`` is the fine detail of the lips, compared to the luma of
    the skin.
    """

    skin: Array
    lip_chroma: float
    upper_red: float
    mouth: Array
    detail: float


def describe(picture: Planes, face: FaceShape, mean_lips: Array) -> FrameLook:
    """Return the appearance of ``face`` in ``picture``.

    ``mean_lips`` (40, 2) in patch fractions is the shape that mouths are warped to.
    """
    skin_points = apply(face.matrix, face.outer_ring)
    skin = np.median(_colours(picture, skin_points), axis=0)
    middle = 0.4 * face.mouth[OUTER] + 0.6 * face.mouth[INNER]
    colours = _colours(picture, apply(face.matrix, middle))
    lips = colours[:, 1:] - skin[1:]
    level = max(float(skin[0]) - _BLACK, 8.0)
    mouth, detail = _mouth_thumbnail(picture, face, mean_lips)
    return FrameLook(
        skin.astype(np.float32),
        float(np.quantile(np.hypot(lips[:, 0], lips[:, 1]), _LIP_QUANTILE)),
        float(_redness(colours[_UPPER]).mean() - _redness(skin)),
        ((mouth - _BLACK) * (_SKIN_LEVEL / level)).ravel(),
        detail / level,
    )


def _redness(yuv: Array) -> Array:
    """Return (r - g) / (r + g + b) of colours (…, 3) in YUV (BT.601, limited range)."""
    y, u, v = np.moveaxis(yuv, -1, 0)
    u, v = u - _GREY, v - _GREY
    total = 3 * 1.164 * (y - _BLACK) + 0.783 * v + 1.626 * u
    return np.asarray((2.409 * v + 0.392 * u) / np.maximum(total, 1))


def _colours(picture: Planes, points: npt.NDArray[np.float64]) -> Array:
    """Return luma and chroma (n, 3) at ``points`` (n, 2), averaged over the pixels around them."""
    columns = []
    for plane, shift, scale in ((picture.y, 0.0, 1.0), (picture.u, 0.25, 0.5),
                                (picture.v, 0.25, 0.5)):  # fmt: skip
        height, width = plane.shape
        x = np.clip(np.rint(points[:, 0] * scale - shift).astype(int), 1, width - 2)
        y = np.clip(np.rint(points[:, 1] * scale - shift).astype(int), 1, height - 2)
        around = [
            plane[y + dy, x + dx].astype(np.float32) for dy in (-1, 0, 1) for dx in (-1, 0, 1)
        ]
        columns.append(sum(around) / np.float32(9))
    return np.stack(columns, axis=1)


def _mouth_thumbnail(picture: Planes, face: FaceShape, mean_lips: Array) -> tuple[Array, float]:
    """Return the mouth's luma (MOUTH_HEIGHT, MOUTH_WIDTH) and its mean fine detail."""
    low, high = mean_lips.min(axis=0) - _MARGIN, mean_lips.max(axis=0) + _MARGIN
    step = (high - low) / (MOUTH_WIDTH, MOUTH_HEIGHT)
    x = low[0] + (np.arange(MOUTH_WIDTH) + 0.5) * step[0]
    y = low[1] + (np.arange(MOUTH_HEIGHT) + 0.5) * step[1]
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    lips = face.mouth[LIPS]
    places = apply(face.matrix, grid + Spline.fit(mean_lips, lips, _SMOOTHING)(grid))
    # cut out the mouth and blur it as far as the thumbnail is smaller
    height, width = picture.y.shape
    margin = 8
    left, top = np.clip(
        np.floor(places.min((0, 1))).astype(int) - margin, 0, (width - 2, height - 2)
    )
    right, bottom = np.ceil(places.max((0, 1))).astype(int) + margin
    cut = picture.y[top : max(bottom, top + 2), left : max(right, left + 2)].astype(np.float32)
    sigma = max(face.eye_distance * 1.3 * float(step[0]) / 2, 0.3)
    soft = cv2.GaussianBlur(cut, (0, 0), sigma)
    corners = apply(face.matrix, np.array([lips.min(axis=0), lips.max(axis=0)])) - (left, top)
    (x0, y0), (x1, y1) = np.clip(corners.astype(int), 0, None)
    inside = np.s_[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    fine = cut[inside] - cv2.GaussianBlur(cut, (0, 0), 1.0)[inside]
    places = (places - (left, top)).astype(np.float32)
    thumbnail = cv2.remap(  # type: ignore[call-overload]  # the stubs lack None
        soft, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(thumbnail, np.float32), float(np.abs(fine).mean()) if fine.size else 0.0
