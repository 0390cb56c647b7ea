"""Detect an edge around the mouth: a step in the difference between the video and its source.

Changes that a moved mouth causes beyond the lips are not an edge: moving skin takes its texture
and folds with it, so the difference to the source is large, but its sign varies. A pasted patch
leaves a step of one sign along a line all around the mouth. So lines with the shapes of patches are
tried, and a step counts only where three quarters of the directions agree.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from appliance.face.sampling import apply
from appliance.lips.geometry import LIPS_OUTER, patch_matrix
from appliance.media.picture import Picture
from appliance.score.face_tracks import FaceMeasurement

Array = npt.NDArray[np.float64]

_RADIUS = 1.1  # radius of the searched area around the mouth, in eye distances
_SECTORS, _RAYS, _RADII = 16, 128, 80  # directions, rays in total, samples along a ray
_LINE_GAP = 1.5  # samples skipped on each side of the line: edges have a width
_SIDE_SAMPLES = 3  # samples averaged on each side of the line
_LINE_SHIFTS = (-2, 0, 2)  # samples by which the line may be shifted in a direction
_LIP_MARGIN = 1.1  # lip radii; closer to the mouth there are the edges of the lips themselves
_MAX_OUTSIDE_CHANGE = 1.5  # grey levels: outside of a patch the picture equals the source
# The step of a line is the one that all but this share of the directions reach.
_AGREEMENT_QUANTILE = 0.25
_MIN_EYE_DISTANCE = 28.0  # pixels between the eyes; with fewer, a sample would be half a pixel
_FRAMES_AVERAGED = 12  # half a second at 25 fps

_ANGLES = (np.arange(_RAYS) + 0.5) * 2 * np.pi / _RAYS
# Ovals and rounded rectangles: half width over half height, exponent, distance of the centre below
# the mouth, half height; the last two in eye distances.
_OVALS = tuple(
    itertools.product((0.85, 1.0, 1.2, 1.5), (2, 8), (-0.1, 0.0, 0.1), np.arange(0.2, 0.9, 0.04))
)
_LIP_SCALES = np.arange(1.15, 2.3, 0.06)  # multiples of the lips' outline
# multiples of the outline of the patch that rendering may change
_PATCH_SCALES = np.arange(0.7, 1.16, 0.05)


class SeamMeter:
    """Measures the seam over pairs of frames.

    Differences are averaged over half a second first: this reduces movement and the encoder's
    noise.
    """

    def __init__(self) -> None:
        self._steps: list[float] = []
        self._rays = np.zeros((_RAYS, _RADII))
        self._lip_radii = np.zeros(_RAYS)
        self._lines = np.zeros((len(_LIP_SCALES) + len(_PATCH_SCALES) + len(_OVALS), _RAYS))
        self._frames = 0

    def add(
        self, picture: Picture, source: Picture, faces: tuple[FaceMeasurement, FaceMeasurement]
    ) -> None:
        """Add a frame, its original and the faces of both; skipped if the face is tiny."""
        face = faces[0]
        eyes = float(face.pose.scale)
        if eyes < _MIN_EYE_DISTANCE:
            return
        outlines = [each.points[list(LIPS_OUTER), :2].astype(np.float64) for each in faces]
        centre = np.concatenate(outlines).mean(axis=0)
        reach, edge = _RADIUS * eyes, picture.y.shape[::-1]
        low = np.clip(np.floor(centre - reach).astype(int) - 2, 0, edge)
        high = np.clip(np.ceil(centre + reach).astype(int) + 3, 0, edge)
        if (high <= low).any():
            return
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        change = cv2.subtract(picture.y[window], source.y[window], dtype=cv2.CV_32F)
        x, y = centre - low
        # Outside of the picture there is no difference.
        flags = cv2.WARP_POLAR_LINEAR | cv2.WARP_FILL_OUTLIERS | cv2.INTER_LINEAR
        size = (_RADII, _RAYS)
        self._rays += cv2.warpPolar(change, size, (float(x), float(y)), reach, flags)
        for lips in outlines:
            self._lip_radii = np.maximum(self._lip_radii, _radii(lips - centre) / reach)
        self._lines += _candidate_lines(face, centre)
        self._frames += 1
        if self._frames == _FRAMES_AVERAGED:
            self._finish()

    def result(self) -> float | None:
        """Return the mean over the half-seconds, in grey levels; ``None`` if nothing was added."""
        if self._frames and (self._frames * 2 >= _FRAMES_AVERAGED or not self._steps):
            self._finish()
        return float(np.mean(self._steps)) if self._steps else None

    def _finish(self) -> None:
        lines = self._lines * (_RADII / self._frames)
        self._steps.append(
            _strongest_step(self._rays / self._frames, self._lip_radii * _RADII, lines)
        )
        self._frames = 0
        for track in (self._rays, self._lip_radii, self._lines):
            track[:] = 0


def _strongest_step(rays: Array, lip_radii: Array, lines: Array) -> float:
    """Return the step along the line with the clearest one, in grey levels.

    ``rays`` (rays, samples) are differences, ``lip_radii`` (rays,) is the outer end of the lips and
    ``lines`` (n, rays) are the lines to try, both in samples. The step in one direction is the mean
    inside of the line less that outside; it is 0 if the picture is changed outside, too. The step
    of a line is the lower quartile of its directions, for either sign.
    """
    total = np.concatenate([np.zeros((_RAYS, 1)), np.cumsum(rays, axis=1)], axis=1)
    rows = np.arange(_RAYS)

    def cumulative(position: Array) -> Array:
        position = np.clip(position, 0, _RADII)
        low = position.astype(np.intp)
        share = position - low
        high = np.minimum(low + 1, _RADII)
        return np.asarray(total[rows, low] * (1 - share) + total[rows, high] * share)

    def sectors(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values.reshape(len(lines), _SECTORS, -1)

    best = np.zeros((2, len(lines), _SECTORS))
    for shift in _LINE_SHIFTS:
        line = lines + shift
        inner, outer = line - _LINE_GAP, line + _LINE_GAP
        inside = sectors(
            (cumulative(inner) - cumulative(inner - _SIDE_SAMPLES)) / _SIDE_SAMPLES
        ).mean(axis=2)
        beyond = sectors(
            (cumulative(outer + _SIDE_SAMPLES) - cumulative(outer)) / _SIDE_SAMPLES
        ).mean(axis=2)
        valid = sectors(inner >= _LIP_MARGIN * lip_radii).all(axis=2) & (
            np.abs(beyond) < _MAX_OUTSIDE_CHANGE
        )
        valid &= sectors(outer <= _RADII - _SIDE_SAMPLES).all(axis=2)
        step = np.where(valid, inside - beyond, 0.0)
        best = np.maximum(best, [step, -step])
    return float(np.quantile(best, _AGREEMENT_QUANTILE, axis=2).max())


def _candidate_lines(face: FaceMeasurement, centre: Array) -> Array:
    """Return the lines to try, (n, rays), as shares of the searched radius."""
    eyes = float(face.pose.scale)
    lips = face.points[list(LIPS_OUTER), :2].astype(np.float64) - centre
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) - 0.5
    patch = apply(patch_matrix(face.pose, 1), square).astype(np.float64) - centre
    roll_rays = round(float(face.pose.roll) / (2 * np.pi) * _RAYS)
    ovals = np.roll(_upright_ovals(), roll_rays, axis=1)
    own = [*np.outer(_LIP_SCALES, _radii(lips)), *np.outer(_PATCH_SCALES, _radii(patch))]
    return np.asarray(np.concatenate([np.asarray(own) / eyes, ovals]) / _RADIUS)


@functools.cache
def _upright_ovals() -> Array:
    """Return the ovals for an upright face, (n, rays) in eye distances."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    across, down = np.cos(angle), np.sin(angle)
    lines = []
    for wide, power, below, half in _OVALS:
        size = half / ((np.abs(across) / wide) ** power + np.abs(down) ** power) ** (1 / power)
        lines.append(_radii(np.stack([size * across, size * down + below], axis=1)))
    return np.stack(lines)


def _radii(outline: Array) -> Array:
    """Return the distance of a polygon (n, 2) from the origin along each ray."""
    sides = np.roll(outline, -1, axis=0) - outline
    dense = outline[:, None] + sides[:, None] * np.linspace(0, 1, 16, endpoint=False)[:, None]
    points = dense.reshape(-1, 2)
    angle = np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)
    order = np.argsort(angle)
    radius = np.linalg.norm(points, axis=1)
    return np.asarray(np.interp(_ANGLES, angle[order], radius[order], period=2 * np.pi))
