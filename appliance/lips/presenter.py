"""What must be known of a presenter before a mouth can be moved: learned from a few samples.

The profile is made once a presenter and then only read, so that every chunk of a lecture sees the
same resting mouth, the same range of movement and the same teeth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.pose import Pose
from appliance.face.sampling import Matrix, Planes, apply, compose, invert, sample_plane
from appliance.face.track import Sighting
from appliance.lips.composite import Reference
from appliance.lips.geometry import (
    INNER,
    MOUTH_POINTS,
    OUTER,
    closed,
    opening,
    patch_matrix,
    to_face_frame,
)
from appliance.lips.maps import fill

PATCH = 96
"""Pixels across the patch that the network sees."""

# Mouth openings (eye distances) that the motion network's amplitude of one stands for: the 95th
# percentile above the shut mouth, the median over the clips that it was trained on.
TYPICAL_OPENING = 0.065
# Whoever opens wider than the second, does so less here: sound tells when by half, and the wider a
# mouth opens at a wrong moment, the worse.
_AMPLITUDES = (0.8, 1.6)
_STILL_AMPLITUDE = 1.6  # of a photo, which tells nothing of it: a clear speaker
# Up to the first spread of openings a mouth rests (the mesh's own noise), from the second on
# somebody speaks; between them nobody can tell, and the amplitude is in between.
_MOVES = (0.01, 0.03)
_QUIET_SHARE = 0.2  # of the samples, the most shut ones, make the resting mouth
_FRONTAL = 15.0  # degrees of yaw up to which a sample shows the mouth undistorted
_AREA = 20.0  # grey levels that a pixel between the lips is worth, be it dark
_SHARP = 2.0  # what fine detail there is worth against brightness; a blurred frame has none
_FINE = 1.5  # standard deviation in pixels of what counts as fine


@dataclass(frozen=True)
class Profile:
    """A presenter's resting mouth and own teeth.

    ``rest`` (57, 3) is the shut mouth in the face frame, ``amplitude`` how far this presenter moves
    against the average, ``reference`` the pixels in which the teeth show best.
    """

    rest: npt.NDArray[np.float64]
    amplitude: float
    reference: Reference

    def save(self, path: Path) -> None:
        """Write for chunks to read."""
        r = self.reference
        np.savez(
            path, rest=self.rest, amplitude=self.amplitude, y=r.y, u=r.u, v=r.v,
            matrix=r.matrix, points=r.points,
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path | BinaryIO) -> Profile:
        """Read what :meth:`save` wrote."""
        with np.load(path) as data:
            reference = Reference(*(data[k] for k in ("y", "u", "v", "matrix", "points")))
            return cls(data["rest"], float(data["amplitude"]), reference)


def fraction_matrix(pose: Pose) -> Matrix:
    """The map from patch fractions to picture pixels."""
    # Fraction f is at f - 0.5 of a patch of one pixel.
    return compose(patch_matrix(pose, 1), np.array([[1.0, 0, -0.5], [0, 1.0, -0.5]]))


def pixel_matrix(matrix: Matrix) -> Matrix:
    """The map from the network's patch, in its pixels, to picture pixels; ``matrix`` is that from
    patch fractions."""
    return compose(matrix, np.array([[1 / PATCH, 0, 0.5 / PATCH], [0, 1 / PATCH, 0.5 / PATCH]]))


def mouth_in_patch(matrix: Matrix, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Mesh ``points`` (468, ≥ 2) in picture pixels to mouth points (57, 2) in patch fractions."""
    return apply(invert(matrix), points[MOUTH_POINTS, :2]).astype(np.float32)


class ProfileLearner:
    """Learns from samples one by one; keeps of each only its shape and the pixels of its mouth."""

    def __init__(self) -> None:
        self._shapes: list[npt.NDArray[np.float64]] = []
        self._yaws: list[float] = []
        self._shown: list[float] = []
        self._mouths: list[Reference] = []

    def __len__(self) -> int:
        return len(self._shapes)

    def add(self, picture: Planes, sighting: Sighting) -> None:
        """Learn from one frame with the presenter's face."""
        pose = sighting.pose
        self._shapes.append(to_face_frame(sighting.points, pose))
        self._yaws.append(abs(float(pose.yaw)))
        self._mouths.append(_cut_out(picture, sighting, pose))
        self._shown.append(_shown(self._mouths[-1]))

    def extend(self, other: ProfileLearner) -> None:
        """Learn what ``other`` has learned, after it."""
        self._shapes += other._shapes
        self._yaws += other._yaws
        self._shown += other._shown
        self._mouths += other._mouths

    def profile(self) -> Profile:
        """What was learned; there must have been a sample."""
        shapes, yaws = np.stack(self._shapes), np.array(self._yaws)
        frontal = np.flatnonzero(yaws <= max(_FRONTAL, float(np.quantile(yaws, 0.25))))
        openings = opening(shapes)
        shut = frontal[np.argsort(openings[frontal])]
        quiet = shut[: max(int(len(shut) * _QUIET_SHARE), 1)]
        spread = float(np.quantile(openings[frontal], 0.95) - openings[shut[0]])
        # Not the very widest: that is a yawn or a slip of the tracking.
        telling = frontal[np.argsort(np.array(self._shown)[frontal])]
        best = int(telling[int(0.97 * (len(telling) - 1))])
        return Profile(closed(shapes[quiet].mean(axis=0)), amplitude_of(spread), self._mouths[best])


def amplitude_of(spread: float) -> float:
    """How far a presenter moves against the average, by the ``spread`` of openings that was seen,
    in eye distances; without a step anywhere."""
    speaks = float(np.interp(spread, _MOVES, (0, 1)))
    seen = float(np.clip(spread / TYPICAL_OPENING, *_AMPLITUDES))
    return float(_STILL_AMPLITUDE + speaks * (seen - _STILL_AMPLITUDE))


def _shown(mouth: Reference) -> float:
    """How much a sample shows of what is between the lips: the teeth above all.

    Summed over the inside of the mouth: its area, how much brighter than the lips it is, and its
    fine detail.
    """
    luma = sample_plane(mouth.y, pixel_matrix(mouth.matrix), PATCH, PATCH).astype(np.float32)
    inside, lips = fill(mouth.points[INNER], PATCH), fill(mouth.points[OUTER], PATCH)
    around = np.maximum(lips - inside, 0)
    level = float((luma * around).sum() / max(float(around.sum()), 1.0))
    fine = np.abs(luma - cv2.GaussianBlur(luma, (0, 0), _FINE))
    worth = _AREA + np.maximum(luma - level, 0) + _SHARP * fine
    return float((inside * worth).sum())


def _cut_out(picture: Planes, sighting: Sighting, pose: Pose) -> Reference:
    """The native pixels under the patch, copied."""
    matrix = fraction_matrix(pose)
    height, width = picture.y.shape
    corners = apply(matrix, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    low = np.clip(np.floor(corners.min(axis=0) / 2).astype(int) * 2, 0, [width - 2, height - 2])
    high = np.clip(np.ceil(corners.max(axis=0) / 2).astype(int) * 2, low + 2, [width, height])
    (left, top), (right, bottom) = low, high
    half = np.s_[top // 2 : bottom // 2, left // 2 : right // 2]
    shift = np.array([[1.0, 0, -float(left)], [0, 1.0, -float(top)]])
    return Reference(
        picture.y[top:bottom, left:right].copy(),
        picture.u[half].copy(),
        picture.v[half].copy(),
        compose(shift, matrix),
        mouth_in_patch(matrix, sighting.points),
    )
