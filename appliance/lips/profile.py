"""The profile of a presenter, which is needed to move the mouth, built from a few samples.

It is built once per presenter and never changed, so that all chunks of a lecture use the same
resting mouth, the same range of movement and the same teeth.
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
from appliance.face.track import FaceLandmarks
from appliance.lips.composite import ReferencePatch
from appliance.lips.geometry import (
    INNER,
    MOUTH_POINTS,
    OUTER,
    close_mouth,
    mouth_opening,
    patch_matrix,
    to_face_frame,
)
from appliance.lips.response import FaceSample
from appliance.lips.shape_maps import fill_polygon

PATCH_SIZE = 96
"""Side of the network's input patch in pixels."""

# Mouth opening (in eye distances) that corresponds to the motion network's amplitude of one: the
# 95th percentile above the closed mouth, the median over the training clips.
TYPICAL_OPENING = 0.065
# Amplitudes are limited to this range. A presenter who opens the mouth wider is rendered with less:
# sound predicts the opening only in part, and an error is the more visible the wider the mouth is.
_AMPLITUDE_RANGE = (0.8, 1.6)
_STILL_AMPLITUDE = (
    1.6  # for a photo, which shows no movement: that of a person who articulates clearly
)
# Up to the first spread of openings the mouth is at rest (the mesh's own noise), from the second on
# the person speaks; between them it is uncertain, and the amplitude is interpolated.
_SPEAKING_SPREAD = (0.01, 0.03)
# share of the samples, those with the most closed mouth, that make the resting mouth
_RESTING_SHARE = 0.2
_FRONTAL_YAW_DEG = 15.0  # degrees of yaw up to which a sample shows the mouth undistorted
_AREA_WEIGHT = 20.0  # grey levels added for each pixel between the lips, even a dark one
_DETAIL_WEIGHT = 2.0  # weight of fine detail against brightness; a blurred frame has none
_FACE_STEP = 10  # one face is kept of so many samples
_DETAIL_SIGMA = 1.5  # standard deviation in pixels of the blur that separates fine detail


@dataclass(frozen=True)
class Profile:
    """A presenter's resting mouth and teeth.

    ``rest`` (57, 3) is the closed mouth in the face frame, ``amplitude`` how far this presenter
    moves compared to the average, ``reference`` the pixels in which the teeth are most visible.
    ``response`` is how far the mouth opens in finished frames, over how far it was told to
    (:mod:`.response`).
    """

    rest: npt.NDArray[np.float64]
    amplitude: float
    reference: ReferencePatch
    response: float = 1.0

    def save(self, path: Path) -> None:
        """Write the profile to ``path``, to be read when chunks are rendered."""
        r = self.reference
        np.savez(
            path, rest=self.rest, amplitude=self.amplitude, response=self.response,
            y=r.y, u=r.u, v=r.v, matrix=r.matrix, points=r.points,
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path | BinaryIO) -> Profile:
        """Read what :meth:`save` wrote."""
        with np.load(path) as data:
            reference = ReferencePatch(*(data[k] for k in ("y", "u", "v", "matrix", "points")))
            return cls(data["rest"], float(data["amplitude"]), reference, float(data["response"]))


def fraction_matrix(pose: Pose) -> Matrix:
    """Return the map from patch fractions to picture pixels."""
    # Fraction f is at f - 0.5 of a patch of one pixel.
    return compose(patch_matrix(pose, 1), np.array([[1.0, 0, -0.5], [0, 1.0, -0.5]]))


def pixel_matrix(matrix: Matrix) -> Matrix:
    """Return the map from pixels of the network's patch to picture pixels.

    ``matrix`` is the map from patch fractions.
    """
    return compose(
        matrix,
        np.array([[1 / PATCH_SIZE, 0, 0.5 / PATCH_SIZE], [0, 1 / PATCH_SIZE, 0.5 / PATCH_SIZE]]),
    )


def mouth_in_patch(matrix: Matrix, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Convert mesh ``points`` (468, ≥ 2) in picture pixels to mouth points (57, 2) in the patch."""
    return apply(invert(matrix), points[MOUTH_POINTS, :2]).astype(np.float32)


class ProfileBuilder:
    """Builds a profile from samples, one by one.

    Of each sample it keeps the shape and the pixels of the mouth, of every tenth the face.
    """

    def __init__(self) -> None:
        self._shapes: list[npt.NDArray[np.float64]] = []
        self._yaws: list[float] = []
        self._visibilities: list[float] = []
        self._mouths: list[ReferencePatch] = []
        self.faces: list[FaceSample] = []

    def __len__(self) -> int:
        return len(self._shapes)

    def add(self, picture: Planes, face: FaceLandmarks) -> None:
        """Add a frame in which the presenter's face is ``face``."""
        pose = face.pose
        if len(self) % _FACE_STEP == 0:
            self.faces.append(FaceSample.cut(picture, face))
        self._shapes.append(to_face_frame(face.points, pose))
        self._yaws.append(abs(float(pose.yaw)))
        self._mouths.append(_crop_reference(picture, face, pose))
        self._visibilities.append(_mouth_visibility(self._mouths[-1]))

    def extend(self, other: ProfileBuilder) -> None:
        """Append the samples of ``other``."""
        self._shapes += other._shapes
        self._yaws += other._yaws
        self._visibilities += other._visibilities
        self._mouths += other._mouths
        self.faces += other.faces

    def profile(self) -> Profile:
        """Return the profile; there must be at least one sample."""
        shapes, yaws = np.stack(self._shapes), np.array(self._yaws)
        frontal = np.flatnonzero(yaws <= max(_FRONTAL_YAW_DEG, float(np.quantile(yaws, 0.25))))
        openings = mouth_opening(shapes)
        by_opening = frontal[np.argsort(openings[frontal])]
        resting = by_opening[: max(int(len(by_opening) * _RESTING_SHARE), 1)]
        spread = float(np.quantile(openings[frontal], 0.95) - openings[by_opening[0]])
        # Not the maximum: that would be a yawn or a tracking error.
        by_visibility = frontal[np.argsort(np.array(self._visibilities)[frontal])]
        best = int(by_visibility[int(0.97 * (len(by_visibility) - 1))])
        return Profile(
            close_mouth(shapes[resting].mean(axis=0)), speaker_amplitude(spread), self._mouths[best]
        )


def speaker_amplitude(spread: float) -> float:
    """Return how far a presenter moves compared to the average.

    ``spread`` is the observed spread of openings, in eye distances. The function is continuous.
    """
    speaking = float(np.interp(spread, _SPEAKING_SPREAD, (0, 1)))
    measured = float(np.clip(spread / TYPICAL_OPENING, *_AMPLITUDE_RANGE))
    return float(_STILL_AMPLITUDE + speaking * (measured - _STILL_AMPLITUDE))


def _mouth_visibility(mouth: ReferencePatch) -> float:
    """Return how much of the inside of the mouth, above all of the teeth, a sample shows.

    A sum over the inside of the mouth: its area, how much brighter than the lips it is, and its
    fine detail.
    """
    luma = sample_plane(mouth.y, pixel_matrix(mouth.matrix), PATCH_SIZE, PATCH_SIZE).astype(
        np.float32
    )
    inside, lips = (
        fill_polygon(mouth.points[INNER], PATCH_SIZE),
        fill_polygon(mouth.points[OUTER], PATCH_SIZE),
    )
    around = np.maximum(lips - inside, 0)
    level = float((luma * around).sum() / max(float(around.sum()), 1.0))
    fine = np.abs(luma - cv2.GaussianBlur(luma, (0, 0), _DETAIL_SIGMA))
    visibility = _AREA_WEIGHT + np.maximum(luma - level, 0) + _DETAIL_WEIGHT * fine
    return float((inside * visibility).sum())


def _crop_reference(picture: Planes, face: FaceLandmarks, pose: Pose) -> ReferencePatch:
    """Return a copy of the pixels under the patch, at native resolution."""
    matrix = fraction_matrix(pose)
    height, width = picture.y.shape
    corners = apply(matrix, np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    low = np.clip(np.floor(corners.min(axis=0) / 2).astype(int) * 2, 0, [width - 2, height - 2])
    high = np.clip(np.ceil(corners.max(axis=0) / 2).astype(int) * 2, low + 2, [width, height])
    (left, top), (right, bottom) = low, high
    half = np.s_[top // 2 : bottom // 2, left // 2 : right // 2]
    shift = np.array([[1.0, 0, -float(left)], [0, 1.0, -float(top)]])
    return ReferencePatch(
        picture.y[top:bottom, left:right].copy(),
        picture.u[half].copy(),
        picture.v[half].copy(),
        compose(shift, matrix),
        mouth_in_patch(matrix, face.points),
    )
