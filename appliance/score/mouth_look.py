"""How a mouth looks in one frame: colour of the lips, brightness inside, sharpness, a thumbnail.

The same numbers are measured in the finished video and in the presenter's own frames, which show
what is normal for this person (:mod:`appliance.score.yardstick`).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import apply, invert, sample_plane, sample_yuv
from appliance.lips.geometry import LIPS_INNER, LIPS_OUTER, patch_matrix
from appliance.media.picture import Picture, Plane
from appliance.score.face_tracks import FaceMeasurement
from appliance.score.sharpness import face_energies

Array = npt.NDArray[np.float64]

_SIZE = 96  # side of the sampled patch in pixels
_MIN_PIXELS = 12  # fewer pixels of the patch say nothing about a colour
_RING = (1.15, 1.6)  # the skin around the mouth: between these multiples of the lips' outline
_THUMBNAIL = (16, 12)  # width and height of the thumbnail
_THUMBNAIL_MARGIN = (0.62, 0.5)  # half its width and height, in eye distances
# The eyes, brows and nose, by which a person is recognised: side of the square and how far its
# centre lies below the eyes, in eye distances; side of the thumbnail in pixels.
_FACE_SIDE, _FACE_CENTRE, _FACE_SIZE = 1.6, np.array([0.0, 0.25, -0.2]), 32
_UPPER, _LOWER = slice(10, 21), slice(0, 11)  # halves of a lip ring, which ends where it begins


class MouthLook(NamedTuple):
    """The look of a mouth in one frame; NaN where it cannot be measured.

    ``opening`` and ``width`` are those of the lips, in eye distances. ``upper_red`` and
    ``lower_red`` are the redness, (r - g) / (r + g + b), of a lip less that of the skin around the
    mouth. ``upper_light``, ``lower_light`` and ``inside_light`` are the natural logarithm of the
    brightness of a lip, or between the lips, over that of the skin; ``sharpness`` is that of the
    high-frequency energy of the mouth over that of the eyes.
    """

    opening: float
    width: float
    upper_red: float
    lower_red: float
    upper_light: float
    lower_light: float
    inside_light: float
    sharpness: float


def look_at_mouth(picture: Picture, face: FaceMeasurement) -> tuple[MouthLook, Array]:
    """Return the look of the mouth of ``face``, and its thumbnail (12, 16).

    The thumbnail is luma relative to the skin around the mouth, upright and of a fixed size in the
    face, so that thumbnails of consecutive frames can be subtracted.
    """
    matrix = patch_matrix(face.pose, _SIZE)
    patch = sample_yuv(picture, matrix, _SIZE, _SIZE)
    to_patch = invert(matrix)
    outer = apply(to_patch, face.points[list(LIPS_OUTER), :2].astype(np.float64))
    inner = apply(to_patch, face.points[list(LIPS_INNER), :2].astype(np.float64))
    centre = outer.mean(axis=0)
    skin = _fill(centre + _RING[1] * (outer - centre)) & ~_fill(
        centre + _RING[0] * (outer - centre)
    )
    between = _fill(inner)
    lips = [_fill(_lip(outer, inner, half)) for half in (_UPPER, _LOWER)]
    upper, lower = (_mean(patch, lip & ~between) for lip in lips)
    skin_colour, inside = _mean(patch, skin), _mean(patch, between)
    skin_light = max(float(skin_colour[0]) - 16.0, 1.0)
    mouth, eyes = face_energies(picture, face)
    look = MouthLook(
        opening=face.opening,
        width=float(np.linalg.norm(face.lips[0] - face.lips[10])),
        upper_red=_redness(upper) - _redness(skin_colour),
        lower_red=_redness(lower) - _redness(skin_colour),
        upper_light=_relative_light(upper, skin_light),
        lower_light=_relative_light(lower, skin_light),
        inside_light=_relative_light(inside, skin_light),
        sharpness=float(np.log(mouth / eyes)) if mouth > 0 and eyes > 0 else float("nan"),
    )
    return look, _thumbnail(patch[..., 0], centre) / skin_light


def _lip(outer: Array, inner: Array, half: slice) -> Array:
    """Return the outline of one lip: its part of the outer ring and of the inner one, reversed."""
    rings = [np.concatenate([ring, ring[:1]])[half] for ring in (outer, inner)]
    return np.concatenate([rings[0], rings[1][::-1]])


def _fill(outline: Array) -> npt.NDArray[np.bool_]:
    mask: Plane = np.zeros((_SIZE, _SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
    return mask.astype(np.bool_)


def _mean(patch: Plane, mask: npt.NDArray[np.bool_]) -> Array:
    """Return the mean (y, u, v) of the pixels under ``mask``; NaN if they are too few."""
    if int(mask.sum()) < _MIN_PIXELS:
        return np.full(3, np.nan)
    return np.asarray(patch[mask].mean(axis=0, dtype=np.float64))


def _redness(yuv: Array) -> float:
    """Return (r - g) / (r + g + b) of a colour in YUV (BT.601, limited range)."""
    y, u, v = yuv - (16.0, 128.0, 128.0)
    total = 3 * 1.164 * y + 0.783 * v + 1.626 * u
    return float((2.409 * v + 0.392 * u) / max(total, 1.0))


def _relative_light(yuv: Array, skin_light: float) -> float:
    """Return the natural logarithm of a colour's brightness over that of the skin."""
    return float(np.log(max(yuv[0] - 16.0, 1.0) / skin_light)) if yuv[0] == yuv[0] else float("nan")


def _thumbnail(luma: Plane, centre: Array) -> Array:
    """Return the area around the mouth, averaged to the thumbnail's size."""
    step = _SIZE / 1.3  # pixels per eye distance: the patch is 1.3 eye distances wide
    half = np.array(_THUMBNAIL_MARGIN) / 2 * step
    low = np.clip(np.round(centre - half).astype(int), 0, _SIZE - 8)
    high = np.clip(np.round(centre + half).astype(int), low + 8, _SIZE)
    part = luma[low[1] : high[1], low[0] : high[0]]
    return cv2.resize(part, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float64) - 16.0


def look_at_face(picture: Picture, face: FaceMeasurement) -> Array:
    """Return a thumbnail (32, 32) of the luma of eyes, brows and nose, upright."""
    pose = face.pose
    centre = pose.project(_FACE_CENTRE[None])[0, :2]
    step = float(pose.scale) * _FACE_SIDE / _FACE_SIZE
    c, s = np.cos(float(pose.roll)) * step, np.sin(float(pose.roll)) * step
    middle = (_FACE_SIZE - 1) / 2
    matrix = np.array(
        [
            [c, -s, centre[0] - middle * (c - s)],
            [s, c, centre[1] - middle * (s + c)],
        ]
    )
    return sample_plane(picture.y, matrix, _FACE_SIZE, _FACE_SIZE).astype(np.float64)


class LookTrack:
    """The look of the mouth in the frames of a video; NaN where it was not measured.

    ``values`` (frames, 8) float32 has the columns of :class:`MouthLook`. ``flicker`` is the mean
    change of the mouth's thumbnail against the mean of the frames before and after, relative to the
    brightness of the skin: movement goes on in one direction, flicker comes and goes.
    """

    def __init__(self, frames: int) -> None:
        self.values: npt.NDArray[np.float32] = np.full(
            (frames, len(MouthLook._fields)), np.nan, np.float32
        )
        self.flicker: npt.NDArray[np.float32] = np.full(frames, np.nan, np.float32)
        self._recent: list[tuple[int, Array]] = []
        self._face_sum = np.zeros((_FACE_SIZE, _FACE_SIZE))
        self._faces = 0

    def add(self, index: int, picture: Picture, face: FaceMeasurement) -> None:
        """Measure frame ``index``; call it in ascending order."""
        look, thumbnail = look_at_mouth(picture, face)
        self.values[index] = look
        self._face_sum += look_at_face(picture, face)
        self._faces += 1
        self._recent = [*self._recent[-2:], (index, thumbnail)]
        if [at for at, _ in self._recent] == [index - 2, index - 1, index]:
            before, middle, after = (each for _, each in self._recent)
            self.flicker[index - 1] = np.abs(middle - (before + after) / 2).mean()

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """Return one column of ``values``, by its name in :class:`MouthLook`."""
        return self.values[:, MouthLook._fields.index(name)]

    @property
    def face(self) -> Array | None:
        """The mean thumbnail of the face, without its broad light; ``None`` without frames."""
        if not self._faces:
            return None
        mean = self._face_sum / self._faces
        mean = mean - cv2.GaussianBlur(mean, (0, 0), _FACE_SIZE / 4)
        return np.asarray(mean - mean.mean())
