"""Group the faces detected in sampled frames into people, and follow one of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from appliance.face.appearance import FaceAppearance
from appliance.face.detect import Detection

# A face that moved less than this many of its widths between two samples is the same person.
_MAX_MOVE = 1.0
_SIZE_RATIO = 2.0
_MIN_SHARED_FRAMES = 2  # two faces that are visible together in this many frames are two people
# Exponent of the share of samples with a face: a steady face outweighs a larger one seen in few
# samples.
_STEADY_POWER = 0.5


FacePosition = tuple[float, float, float, float]
"""Frame, centre x, centre y and width of a face, in pixels."""

FacePositions = tuple[FacePosition, ...]
"""In the order of the frames."""


@dataclass(frozen=True)
class Person:
    """One person's ``positions``, and those of the ``others`` seen in the same frames.

    ``appearance`` tells the person from others who are seen in the same place, of whom there are
    ``successors``.
    """

    positions: FacePositions
    others: tuple[FacePositions, ...] = ()
    appearance: FaceAppearance | None = None
    successors: int = 0

    def __call__(self, index: int, faces: list[Detection]) -> Detection | None:
        """Return the face of this person in frame ``index``; ``None`` if there is none.

        That is the face nearest to the person's known positions. A face that is nearer to another
        known person is not this person's: when the presenter leaves the picture, the mouths of
        people who remain in it are not changed.
        """
        own = _interpolate(self.positions, index)
        others = [_interpolate(positions, index) for positions in self.others]
        candidates = []
        for face in faces:
            position = _position_of(index, face)
            rivals = [
                _distance(position, other) for other in others if _may_be_same(other, position)
            ]
            if _distance(position, own) <= min(rivals, default=np.inf):
                candidates.append(face)
        return min(
            candidates, key=lambda face: _distance(_position_of(index, face), own), default=None
        )

    def to_rows(self) -> list[list[float]]:
        """Return one row per position, for storing.

        A row is the number of the person (0: this one, 1 …: the others) and the position.
        """
        people = enumerate((self.positions, *self.others))
        return [[number, *position] for number, positions in people for position in positions]

    @classmethod
    def from_rows(cls, rows: Iterable[Sequence[float]]) -> Person:
        """Return the person that :meth:`to_rows` describes.

        Raises ``ValueError`` for other input.
        """
        people: dict[int, list[FacePosition]] = {}
        for number, index, x, y, width in rows:
            people.setdefault(int(number), []).append((index, x, y, width))
        own, *others = (tuple(positions) for _, positions in sorted(people.items()))
        return cls(own, tuple(others))


def _position_of(index: int, face: Detection) -> FacePosition:
    return float(index), float(face.centre[0]), float(face.centre[1]), max(face.width, 1.0)


def _interpolate(positions: FacePositions, index: int) -> FacePosition:
    """Return the position in frame ``index``, interpolated linearly between known positions."""
    rows = np.array(positions)
    x, y, width = (float(np.interp(index, rows[:, 0], rows[:, k])) for k in (1, 2, 3))
    return float(index), x, y, width


def _distance(position: FacePosition, known: FacePosition) -> float:
    """Return the distance of a position from a known position.

    The sum of the movement in widths and the difference of the logarithms of the widths.
    """
    moved = np.hypot(position[1] - known[1], position[2] - known[2]) / known[3]
    return float(moved + abs(np.log(position[3] / known[3])))


def find_people(samples: Iterable[tuple[int, list[Detection]]], frames: int) -> list[Person]:
    """Return the people in ``samples``, the largest steady one first.

    ``samples`` are (frame number, faces) pairs and ``frames`` is their number.
    """
    found: list[list[FacePosition]] = []
    for index, faces in samples:
        free = list(range(len(found)))
        for face in sorted(faces, key=lambda f: -f.width):
            position = _position_of(index, face)
            same = [k for k in free if _may_be_same(found[k][-1], position)]
            if same:
                k = min(
                    same,
                    key=lambda k: np.hypot(
                        found[k][-1][1] - position[1], found[k][-1][2] - position[2]
                    ),
                )
                free.remove(k)
                found[k].append(position)
            else:
                found.append([position])

    def weight(positions: FacePositions) -> float:
        width = float(np.mean([position[3] for position in positions]))
        return width * float((len(positions) / frames) ** _STEADY_POWER)

    ranked = sorted((tuple(sorted(positions)) for positions in found), key=weight, reverse=True)
    return [
        Person(own, tuple(a for a in ranked if a is not own and _seen_together(own, a)))
        for own in ranked
    ]


def _seen_together(a: FacePositions, b: FacePositions) -> bool:
    """Return whether two people were seen at once.

    One person who has moved may look like two, but is never seen twice in one frame.
    """
    return (
        len({position[0] for position in a} & {position[0] for position in b}) >= _MIN_SHARED_FRAMES
    )


def _may_be_same(a: FacePosition, b: FacePosition) -> bool:
    near = np.hypot(a[1] - b[1], a[2] - b[2]) <= _MAX_MOVE * max(a[3], b[3])
    return bool(near and 1 / _SIZE_RATIO <= a[3] / b[3] <= _SIZE_RATIO)
