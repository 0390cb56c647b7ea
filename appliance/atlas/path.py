"""Choose a mouth of the atlas for every frame of a lecture: the cheapest path through the atlas.

The path is found by dynamic programming over the whole lecture before the first chunk is rendered,
so that a chunk does not depend on how the lecture is divided. Frames that followed each other when
they were filmed cost nothing; every jump does, the more the less it would be overlooked. This is
unit selection (Hunt & Black 1996), applied to pictures as in "Video Rewrite" (Bregler 1997).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.atlas.atlas import Atlas
from appliance.atlas.face_shape import LIPS
from appliance.lips.geometry import inner_gaps, mouth_opening

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int_]

_CANDIDATES = 30  # of a frame; 10 and 100 choose nearly the same paths
# Costs of a mouth for a frame. One unit: the lips differ by this much, rms in eye distances.
_SHAPE_UNIT = 0.010
_GAP_FLOOR = 0.015  # eye distances added to gaps, whose ratio counts
_OPENING_COST, _CLOSING_COST = 1.5 * 1.5, 1.5 * 1.2  # per unit of the ratio's logarithm
_POSE_COST = 0.5 / 36  # per squared degree of yaw and pitch
_LIGHT_COST, _CHROMA_COST = 6.0, 0.05  # per unit of the logarithm of luma, per level of chroma
_ENLARGE_COST, _BLUR_COST = 1.0, 1.0  # per unit of the logarithm
# A mouth whose upper lip is less red than those of the nearest opening and width, per unit of
# redness: it looks pale, though it was filmed. The unit is the noise of that measure.
_PALE_COST, _PALE_NEIGHBOURS = 2.0 / 0.010, 12
# Costs of a step from mouth to mouth.
_HOLD_COST, _SKIP_COST = 0.4, 0.4
_JUMP_COST, _UNLIKE_COST = 0.5, 0.35
_NEVER = np.float32(1e6)


@dataclass(frozen=True)
class WantedMouths:
    """What output frames want of a mouth; T frames.

    ``shapes`` (T, 57, 3) are the wanted shapes, ``frames`` (T,) the presenter's frames that are
    painted over, ``speaking`` (T,) bool whether there is speech.
    """

    shapes: Array
    frames: Indices
    speaking: npt.NDArray[np.bool_]


class PathFinder:
    """Finds the path of a lecture, block by block; O(frames × candidates).

    While there is speech, a mouth is repeated at most ``max_held`` times in a row.
    """

    def __init__(self, atlas: Atlas, max_held: int) -> None:
        self._atlas = atlas
        self._max_held = max_held
        looks = atlas.thumbnails
        squares = (looks * looks).sum(axis=1)
        distance = squares[:, None] + squares - 2 * (looks @ looks.T)
        distance = np.sqrt(np.maximum(distance, 0))
        followed = np.flatnonzero(atlas.successors >= 0)
        unit = float(np.median(distance[followed, atlas.successors[followed]]))
        # from a mouth, the step to another looks like one from the mouth that followed it
        after = np.where(atlas.successors >= 0, atlas.successors, np.arange(len(atlas)))
        jump = _JUMP_COST + _UNLIKE_COST * distance[after] / max(unit, 1e-3)
        self._jump = jump.astype(np.float16)
        self._lips = atlas.shapes[:, LIPS, :2].reshape(len(atlas), -1)
        self._gaps = _log_gap(atlas.shapes)
        self._pale = np.float32(_PALE_COST) * _paleness(atlas)
        self._cost = np.zeros(0, np.float32)
        self._held = np.zeros(0, np.int32)
        self._candidates: list[npt.NDArray[np.int16]] = []
        self._back: list[npt.NDArray[np.uint8]] = []

    def add(self, wanted: WantedMouths) -> None:
        """Add the next frames."""
        costs = self._costs(wanted)
        count = min(_CANDIDATES, costs.shape[1])
        nearest = np.argpartition(costs, count - 1, axis=1)[:, :count]
        for cost, best, speaking in zip(costs, nearest, wanted.speaking, strict=True):
            self._step(cost, best, bool(speaking))

    def _costs(self, wanted: WantedMouths) -> Array:
        """Return the cost (T, n) of every mouth for every frame."""
        atlas, track, frames = self._atlas, self._atlas.track, wanted.frames
        lips = wanted.shapes[:, LIPS, :2].reshape(len(frames), -1).astype(np.float32)
        squares = (lips * lips).sum(1)[:, None] + (self._lips * self._lips).sum(1)
        squares -= 2 * (lips @ self._lips.T)
        cost = np.sqrt(np.maximum(squares, 0) / 40) / np.float32(_SHAPE_UNIT)
        gap = _log_gap(wanted.shapes)[:, None] - self._gaps
        cost += np.maximum(gap * np.float32(_OPENING_COST), gap * np.float32(-_CLOSING_COST))

        def difference(values: Array) -> Array:
            return values[frames][:, None] - values[atlas.frames]

        light = np.log(np.maximum(track.skin[:, 0] - 10, 1))
        chroma = np.hypot(difference(track.skin[:, 1]), difference(track.skin[:, 2]))
        pose = difference(track.yaw) ** 2 + difference(track.pitch) ** 2
        cost += np.float32(_POSE_COST) * pose
        cost += np.float32(_LIGHT_COST) * np.abs(difference(light))
        cost += np.float32(_CHROMA_COST) * chroma
        enlarged = np.maximum(difference(np.log(track.eye_distance)), 0)
        cost += np.float32(_ENLARGE_COST) * enlarged
        cost += self._pale
        cost -= np.float32(_BLUR_COST) * np.minimum(np.log(atlas.detail), 0)
        return np.asarray(cost, np.float32)

    def _step(self, costs: Array, nearest: Indices, speaking: bool) -> None:
        if not self._candidates:
            self._candidates.append(nearest.astype(np.int16))
            self._cost, self._held = costs[nearest], np.zeros(len(nearest), np.int32)
            return
        last = self._candidates[-1].astype(np.intp)
        following = self._atlas.successors[last]
        successors = following[following >= 0]
        candidates = np.unique(np.concatenate([nearest, successors]))
        step = self._jump[last[:, None], candidates].astype(np.float32)
        hold = np.full(len(last), _HOLD_COST, np.float32)
        if speaking:
            hold[self._held >= self._max_held] = _NEVER
        same = candidates == last[:, None]
        step = np.where(same, hold[:, None], step)
        step[candidates == following[:, None]] = 0
        skipped = np.where(following >= 0, self._atlas.successors[following], -1)
        skip = candidates == skipped[:, None]
        step[skip] = np.minimum(step[skip], np.float32(_SKIP_COST))
        total = self._cost[:, None] + step
        back = total.argmin(axis=0)
        columns = np.arange(len(candidates))
        self._cost = total[back, columns] + costs[candidates]
        self._cost -= self._cost.min()
        self._held = np.where(same[back, columns], self._held[back] + 1, 0)
        self._candidates.append(candidates.astype(np.int16))
        self._back.append(back.astype(np.uint8))

    def path(self) -> npt.NDArray[np.int32]:
        """Return the mouth of each frame, (T,)."""
        if not self._candidates:
            return np.zeros(0, np.int32)
        place = int(self._cost.argmin())
        path = np.empty(len(self._candidates), np.int32)
        path[-1] = self._candidates[-1][place]
        for t in range(len(path) - 2, -1, -1):
            place = int(self._back[t][place])
            path[t] = self._candidates[t][place]
        return path


def find_path(atlas: Atlas, wanted: Iterable[WantedMouths], max_held: int) -> npt.NDArray[np.int32]:
    """Return the mouth of each frame of a lecture; see :class:`PathFinder`."""
    finder = PathFinder(atlas, max_held)
    for part in wanted:
        finder.add(part)
    return finder.path()


def is_jump(atlas: Atlas, path: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Return for each step of ``path`` (T - 1,) whether it leaves the order of the video."""
    step = np.diff(atlas.frames[path])
    return np.asarray((step < 0) | (step > 2))


def _paleness(atlas: Atlas) -> Array:
    """Return by how much (n,) upper lips are less red than those of the nearest shapes, or 0."""
    shapes = atlas.shapes.astype(np.float64)
    width = np.linalg.norm(shapes[:, 0] - shapes[:, 10], axis=-1)
    size = np.stack([mouth_opening(shapes), width], axis=-1)
    distance = ((size[:, None] - size) ** 2).sum(axis=-1)
    count = min(_PALE_NEIGHBOURS, len(atlas))
    nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
    usual = np.median(atlas.upper_red[nearest], axis=1)
    return np.asarray(np.maximum(usual - atlas.upper_red, 0), np.float32)


def _log_gap(shapes: Array) -> Array:
    """Return the logarithm of the mean gap between the inner lips of ``shapes`` (n, 57, 3)."""
    gaps = np.linalg.norm(inner_gaps(shapes.astype(np.float64)), axis=-1).mean(axis=-1)
    return np.asarray(np.log(gaps + _GAP_FLOOR), np.float32)
