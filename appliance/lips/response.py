"""How far the mouth opens in finished frames, compared with how far it was told to.

The network was trained on a few people. On others the mouth that the mesh sees in the finished
frame opens less or more than the one that was asked for: 0.4 to 1.4 times as far on clips from the
web. The response is measured once per presenter, by rendering a few samples with known openings,
and :class:`~appliance.lips.generator.LecternGenerator` divides by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.mesh import FaceMesh, region_of_points
from appliance.face.pose import fit_pose
from appliance.face.sampling import Planes
from appliance.face.track import FaceLandmarks
from appliance.lips.geometry import mouth_opening, to_face_frame
from appliance.media.picture import Picture

if TYPE_CHECKING:
    from appliance.lips.generator import Generator

Array = npt.NDArray[np.float64]

SAMPLE_EYE_DISTANCE = 200.0
"""Eye distance in pixels to which larger faces are reduced: about that of the network's patch."""
_MARGIN = 0.3  # around the mesh, as a share of its size; the mesh's region is 1.5 times as large
_LEVELS = (0.0, 0.35, 0.7)  # openings to render, in units of a wide open mouth
# Beyond this range, the mesh has misread the mouth.
RESPONSE_RANGE = (0.4, 1.5)


@dataclass(frozen=True)
class FaceSample:
    """A cut-out of a frame around the face, and the landmarks in its pixels."""

    picture: Picture
    face: FaceLandmarks

    @classmethod
    def cut(cls, picture: Planes, face: FaceLandmarks) -> FaceSample:
        """Copy the face from ``picture``, reduced to ``SAMPLE_EYE_DISTANCE`` if it is larger."""
        points = face.points[:, :2]
        low, high = points.min(axis=0), points.max(axis=0)
        margin = _MARGIN * (high - low).max()
        limit = picture.y.shape[::-1]
        left, top = (np.clip(np.floor(low - margin), 0, limit) // 2 * 2).astype(int)
        right, bottom = (np.clip(np.ceil(high + margin), 0, limit) // 2 * 2).astype(int)
        scale = min(SAMPLE_EYE_DISTANCE / max(face.eye_distance, 1.0), 1.0)
        width, height = (
            max(round(side * scale / 2), 1) * 2 for side in (right - left, bottom - top)
        )
        sample = Picture.empty(width, height)
        for target, source, k in zip(
            sample.planes(), (picture.y, picture.u, picture.v), (1, 2, 2), strict=True
        ):
            part = source[top // k : bottom // k, left // k : right // k]
            cv2.resize(part, target.shape[::-1], dst=target, interpolation=cv2.INTER_AREA)
        factor = np.array([width / (right - left), height / (bottom - top), scale])
        moved = (face.points - [left - 0.5, top - 0.5, 0]) * factor - [0.5, 0.5, 0]
        return cls(sample, FaceLandmarks(moved.astype(np.float32), face.confidence))


def measure_response(
    generator: Generator,
    mesh: FaceMesh,
    samples: Sequence[FaceSample],
    motion: Array,
    opening: float,
    pixel_aspect: float = 1.0,
) -> float:
    """Return how far mouths open in finished frames, over how far they were told to.

    ``motion`` (K,) opens the mouth wide, by ``opening`` in eye distances; it and parts of it are
    rendered in every sample and measured by ``mesh``. The result is the median over the samples of
    the slope of the measured opening, limited to ``RESPONSE_RANGE``; 1.0 without samples.
    """
    told = opening * np.array(_LEVELS)
    slopes = []
    for sample in samples:
        inputs = [
            generator.prepare(sample.picture, sample.face, (level * motion).astype(np.float32), 1.0)
            for level in _LEVELS
        ]
        region = region_of_points(sample.face.points, pixel_aspect)
        openings = []
        for generator_input, output in zip(inputs, generator.run(inputs), strict=True):
            picture = sample.picture.writable()
            generator.composite(picture, generator_input, output)
            points, _ = mesh(picture, region, pixel_aspect)
            openings.append(float(mouth_opening(to_face_frame(points, fit_pose(points)))))
        slopes.append(np.polyfit(told, openings, 1)[0])
    if not slopes:
        return 1.0
    return float(np.clip(np.median(slopes), *RESPONSE_RANGE))
