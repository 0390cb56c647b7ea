"""The shape that the lips shall have: that of the speech, with the person's own expression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.atlas.atlas import Atlas
from appliance.atlas.face_shape import LIPS
from appliance.lips.geometry import inner_gaps, with_gaps
from appliance.lips.motion import MotionBasis

Array = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

_SHUT_SHARE = 0.05  # of the mouths, those with the smallest gaps, that are taken as shut

# How far the lips of a mouth are pulled, rms in eye distances: exactly up to the first value, then
# less and less, to 1.5 times it. Beyond that, teeth become giant and shut lips a lump.
_PULL = 0.035


@dataclass(frozen=True)
class WantedShapes:
    """The shapes of one presenter's mouth for given coefficients of motion.

    ``rest`` (57, 3) is the closed mouth, ``amplitude`` scales the coefficients. ``shut`` (9, 3) are
    the gaps that the mesh reads between lips that touch: it reads too much in thick lips.
    ``gain`` scales the gaps beyond that, so that they are read as wanted.
    """

    basis: MotionBasis
    rest: Array
    amplitude: float
    shut: Array
    gain: float = 1.0

    @classmethod
    def of(
        cls, atlas: Atlas, basis: MotionBasis, rest: Array, amplitude: float, gain: float = 1.0
    ) -> WantedShapes:
        """Return the shapes of the presenter of ``atlas``, who now and then closes the lips."""
        gaps = inner_gaps(atlas.shapes.astype(np.float64))
        order = np.argsort(np.linalg.norm(gaps, axis=-1).mean(axis=-1))
        count = max(int(_SHUT_SHARE * len(atlas)), 3)
        return cls(basis, rest, amplitude, gaps[order[:count]].mean(axis=0), gain)

    def spoken(self, motion: Float32) -> Array:
        """Return the shapes (…, 57, 3) for ``motion`` (…, K), without any expression.

        Lips that the motion presses together touch: they do not pass through each other.
        """
        shape = self.rest + self.basis.displacement(self.amplitude * motion.astype(np.float64))
        gaps = inner_gaps(shape)
        return with_gaps(shape, self.shut + self.gain * gaps * (gaps[..., 1:2] > 0))

    def expression(self, shape: Array) -> Array:
        """Return what speech does not explain of ``shape`` (57, 3): a smile, a turned head."""
        offset = shape - self.rest
        return np.asarray(offset - self.basis.displacement(self.basis.coefficients(offset)))

    def painted(self, motion: Float32, frame: Array, source: Array) -> Array:
        """Return the shape (57, 3) to paint: the spoken one with half of both expressions.

        ``frame`` is the shape of the mouth that is painted over, ``source`` that of the mouth that
        is painted. The lips are as far apart as the speech wants.
        """
        spoken = self.spoken(motion)
        expression = 0.5 * (self.expression(frame) + self.expression(source))
        return with_gaps(spoken + expression, inner_gaps(spoken))


def limit_pull(wanted: Array, source: Array) -> Array:
    """Return ``wanted`` (57, 3), moved towards ``source`` if that is too far away."""
    change = wanted - source
    rms = float(np.sqrt((change[LIPS, :2] ** 2).sum(axis=1).mean()))
    if rms <= _PULL:
        return wanted
    limited = _PULL + 0.5 * _PULL * (1 - np.exp(-(rms - _PULL) / (0.5 * _PULL)))
    return np.asarray(source + change * (limited / rms))
