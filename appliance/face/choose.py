"""Whose face it is: sort what was detected in sampled frames into people, and keep to one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from appliance.face.detect import Detection

# A face that moved less than this many of its widths between two samples is the same person.
_NEAR = 1.0
_SIZE_RATIO = 2.0
# Sitting still in every sample outweighs being this much larger in a few.
_STEADY_POWER = 0.5


@dataclass(frozen=True)
class Person:
    """One person's places: rows of (frame, centre x, centre y, width) in pixels."""

    places: tuple[tuple[float, float, float, float], ...]

    def __call__(self, index: int, faces: list[Detection]) -> Detection | None:
        """The face most like this person's in frame ``index``; ``None`` if there is no face."""
        rows = np.array(self.places)
        x, y, width = (np.interp(index, rows[:, 0], rows[:, k]) for k in (1, 2, 3))

        def distance(face: Detection) -> float:
            away = np.hypot(face.centre[0] - x, face.centre[1] - y) / width
            return float(away + abs(np.log(max(face.width, 1.0) / width)))

        return min(faces, key=distance, default=None)


def people(samples: Iterable[tuple[int, list[Detection]]], frames: int) -> list[Person]:
    """The people in ``frames`` sampled (frame number, faces) pairs, largest steady one first."""
    found: list[list[tuple[float, float, float, float]]] = []
    for index, faces in samples:
        free = list(range(len(found)))
        for face in sorted(faces, key=lambda f: -f.width):
            x, y = (float(c) for c in face.centre)
            place = (float(index), x, y, face.width)
            same = [k for k in free if _same(found[k][-1], place)]
            if same:
                k = min(same, key=lambda k: np.hypot(found[k][-1][1] - x, found[k][-1][2] - y))
                free.remove(k)
                found[k].append(place)
            else:
                found.append([place])

    def weight(places: list[tuple[float, float, float, float]]) -> float:
        width = float(np.mean([place[3] for place in places]))
        return width * float((len(places) / frames) ** _STEADY_POWER)

    return [Person(tuple(sorted(places))) for places in sorted(found, key=weight, reverse=True)]


def _same(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    near = np.hypot(a[1] - b[1], a[2] - b[2]) <= _NEAR * max(a[3], b[3])
    return bool(near and 1 / _SIZE_RATIO <= a[3] / b[3] <= _SIZE_RATIO)
