"""The mouth motion of a lecture, as coefficients of the principal directions of movement."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import INNER_BOTTOM, INNER_TOP, SPEECH_WEIGHTS

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MotionBasis:
    """The principal directions of mouth movement.

    ``vectors`` (K, 57, 3) float64 in eye distances of the face frame, orthonormal, most important
    first.
    """

    vectors: npt.NDArray[np.float64]

    @classmethod
    def load(cls, path: Path) -> MotionBasis:
        """Read the ``basis`` file of a model."""
        with np.load(path) as data:
            return cls(np.asarray(data["vectors"], np.float64))

    def displacement(self, coefficients: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Convert coefficients (…, K) to movement (…, 57, 3)."""
        moved = np.tensordot(coefficients, self.vectors, axes=1)
        return np.asarray(moved * SPEECH_WEIGHTS[:, None], dtype=np.float64)

    def coefficients(self, displacement: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return the coefficients (…, K) of the part of a movement (…, 57, 3) that speech causes.

        This is a weighted least-squares fit: a point counts by how far it follows speech.
        """
        return np.asarray(np.tensordot(displacement, self._inverse, axes=([-2, -1], [0, 1])))

    @cached_property
    def opening_direction(self) -> npt.NDArray[np.float64]:
        """Direction (K,): the product with coefficients is the opening in eye distances."""
        return self.vectors[:, INNER_BOTTOM, 1] - self.vectors[:, INNER_TOP, 1]

    @cached_property
    def _inverse(self) -> npt.NDArray[np.float64]:
        weight = np.sqrt(SPEECH_WEIGHTS)[:, None]
        count = len(self.vectors)
        inverse = np.linalg.pinv((self.vectors * weight).reshape(count, -1).T)
        return np.asarray((inverse.reshape(count, -1, 3) * weight).transpose(1, 2, 0))


@dataclass(frozen=True)
class Motion:
    """Mouth coefficients of a lecture, or of a part of it.

    ``values`` (n, K) float32; ``values[0]`` is sample ``first`` of the whole lecture's ``count``
    samples. Sample ``i`` is at ``offset_s + i / rate_hz`` seconds.
    """

    values: Array
    rate_hz: float
    offset_s: float
    first: int = 0
    count: int = 0

    @classmethod
    def of_lecture(cls, values: Array, rate_hz: float, offset_s: float) -> Motion:
        """Return the motion of a whole lecture."""
        return cls(values, rate_hz, offset_s, 0, len(values))

    def at_frames(self, fps: Fraction, start: int, stop: int) -> Array:
        """Return the coefficients (stop - start, K) at the times of the frames."""
        position = self._positions(fps, start, stop)
        low = np.minimum(position.astype(int), max(self.count - 2, 0))
        high = np.minimum(low + 1, self.count - 1)
        share = (position - low)[:, None].astype(np.float32)
        values, first = self.values, self.first
        return np.asarray(values[low - first] * (1 - share) + values[high - first] * share)

    def part(self, fps: Fraction, start: int, stop: int) -> Motion:
        """Return a copy of the part that frames ``start`` … ``stop`` - 1 need."""
        ends = self._positions(fps, start, stop)[[0, -1]].astype(int)
        # one earlier: a position at the end needs the sample before it
        first = max(int(ends[0]) - 1, 0)
        values = np.array(self.values[first - self.first : int(ends[1]) + 2 - self.first])
        return Motion(values, self.rate_hz, self.offset_s, first, self.count)

    def _positions(self, fps: Fraction, start: int, stop: int) -> npt.NDArray[np.float64]:
        times = np.arange(start, stop) / float(fps)
        return np.clip((times - self.offset_s) * self.rate_hz, 0, self.count - 1)

    def save(self, path: Path) -> None:
        """Write the values to ``path``, to be read when chunks are rendered."""
        np.save(path, self.values)

    @classmethod
    def load(cls, path: Path, rate_hz: float, offset_s: float) -> Motion:
        """Memory-map what :meth:`save` wrote for a whole lecture; rate and offset are the model's.

        Pages that were read stay in memory as long as the map: use :meth:`part` to copy what is
        needed.
        """
        return cls.of_lecture(np.load(path, mmap_mode="r"), rate_hz, offset_s)
