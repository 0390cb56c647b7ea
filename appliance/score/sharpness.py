"""Compare the sharpness of the mouth with that in the presenter's own picture.

Sharpness is the variance of the luma's Laplacian (Pech-Pacheco et al. 2000) at the picture's own
resolution, inside the outline of the lips in both pictures and a little skin around it. Encoding
softens the whole picture: the normalised ratio is divided by its effect on eyes and brows, which
rendering does not change.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import LIPS_OUTER
from appliance.media.picture import Picture, Plane
from appliance.score.face_tracks import FaceMeasurement

# Brows and the rims under the eyes.
_EYE_POINTS = (70, 105, 107, 336, 334, 300, 346, 195, 117)
_SKIN_MARGIN = 0.08  # margin around the lips, in eye distances
_MIN_PIXELS = 64  # least number of pixels in a region
_MIN_ENERGY = 1e-6


@dataclass(frozen=True)
class Sharpness:
    """High-frequency energy of the video relative to the source; 1 is equally sharp.

    ``mouth`` and ``eyes`` are as measured; ``normalised`` is mouth over eyes. ``frames`` is the
    number of compared frames.
    """

    mouth: float
    eyes: float
    normalised: float
    frames: int


class SharpnessMeter:
    """Adds up energies over pairs of pictures of the same moment of the presenter."""

    def __init__(self, frames: int) -> None:
        self.per_frame: npt.NDArray[np.float32] = np.full(frames, np.nan, np.float32)
        self._totals = np.zeros((2, 2))  # mouth, eyes × video, source
        self._frames = 0

    def add(
        self,
        index: int,
        picture: Picture,
        source: Picture,
        faces: tuple[FaceMeasurement, FaceMeasurement],
    ) -> None:
        """Compare frame ``index`` of the video with the source's; ``faces`` are those of both."""
        energies = np.zeros((2, 2))
        lip_margin = _SKIN_MARGIN * float(faces[0].pose.scale)
        lips = np.concatenate([face.points[list(LIPS_OUTER), :2] for face in faces])
        outlines = (lips, faces[0].points[list(_EYE_POINTS), :2])
        for k, (outline, margin) in enumerate(zip(outlines, (lip_margin, 0.0), strict=True)):
            region = _region(outline, margin, picture.y.shape)
            if region is None:
                return
            for j, plane in enumerate((picture.y, source.y)):
                energies[k, j] = _energy(plane, *region)
        if energies[:, 1].min() <= _MIN_ENERGY:
            return
        self._totals += energies
        self._frames += 1
        if energies[1, 0] > _MIN_ENERGY:
            ratio = energies[:, 0] / energies[:, 1]
            self.per_frame[index] = ratio[0] / ratio[1]

    def result(self) -> Sharpness | None:
        """Return the ratios of the totals; ``None`` without frames or if the eyes are flat."""
        if not self._frames or self._totals[1, 0] <= _MIN_ENERGY:
            return None
        mouth, eyes = (float(video / source) for video, source in self._totals)
        return Sharpness(mouth, eyes, mouth / eyes, self._frames)


def face_energies(picture: Picture, face: FaceMeasurement) -> tuple[float, float]:
    """Return the high-frequency energy of the mouth and of the eyes; 0 where a region is tiny."""
    found = []
    margin = _SKIN_MARGIN * float(face.pose.scale)
    for points, around in ((LIPS_OUTER, margin), (_EYE_POINTS, 0.0)):
        region = _region(face.points[list(points), :2], around, picture.y.shape)
        found.append(_energy(picture.y, *region) if region is not None else 0.0)
    return found[0], found[1]


def _region(
    outline: npt.NDArray[np.float32], margin: float, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], npt.NDArray[np.bool_]] | None:
    """Return rows and columns of a polygon grown by ``margin``, and the mask there.

    Returns ``None`` if it is too small.
    """
    reach = int(np.ceil(margin)) + 2
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - reach, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + reach + 1, shape[::-1])
    if (high - low).min() < 3:
        return None
    mask = np.zeros((high - low)[::-1], np.uint8)
    hull = cv2.convexHull(np.round(outline - low).astype(np.int32))
    cv2.fillPoly(mask, [hull], 1)
    if margin >= 1:
        size = 2 * round(margin) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        mask = np.asarray(cv2.dilate(mask, kernel), np.uint8)
    inside = mask.astype(np.bool_)
    if int(inside.sum()) < _MIN_PIXELS:
        return None
    return (slice(low[1], high[1]), slice(low[0], high[0])), inside


def _energy(plane: Plane, slices: tuple[slice, slice], inside: npt.NDArray[np.bool_]) -> float:
    """Return the variance of the Laplacian over the mask, in squared grey levels."""
    laplacian = cv2.Laplacian(plane[slices], cv2.CV_16S, ksize=1)
    return float(laplacian[inside].var(dtype=np.float64))
