"""Stretches of a presenter's recording: frames of one face in one shot, and the sound around them.

Predicted and measured motion are compared at the times of the frames. Everything here is
independent of the speech encoder: its features only have to be at :data:`RATE_HZ`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from appliance.lips.geometry import mouth_opening

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

RATE_HZ = 50.0
"""Steps per second of features and coefficients."""
MARGIN_S = 1.0
"""Sound wanted before and after the frames of a stretch: the largest offset, and what the features
depend on."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive frames that show one face without a cut.

    ``times`` (n,) are the times of the frames in seconds after the first step of the sound,
    ``shapes`` (n, 57, 3) their mouths in the face frame, ``fps`` the frame rate. ``features``
    (m, F) describe the sound at :data:`RATE_HZ`, ``speech`` (m,) is where there is a voice.
    """

    times: Array64
    shapes: Array64
    fps: float
    features: Array32
    speech: Mask

    def __len__(self) -> int:
        return len(self.times)

    @property
    def openings(self) -> Array64:
        """How far the mouth is open in each frame, (n,), in eye distances."""
        return mouth_opening(self.shapes)

    def spoken(self, later_s: float = 0.0) -> Mask:
        """Return where there is a voice, for each frame, (n,); sound is ``later_s`` late."""
        steps = np.rint((self.times + later_s) * RATE_HZ).astype(int)
        return np.asarray(self.speech[np.clip(steps, 0, len(self.speech) - 1)])

    @property
    def speech_s(self) -> float:
        """Seconds of frames during which there is a voice."""
        return float(self.spoken().sum() / self.fps)

    def at_frames(self, values: npt.NDArray[np.floating], later_s: float = 0.0) -> Array64:
        """Return ``values`` (m, …) at the times of the frames, read ``later_s`` seconds later.

        The first and the last value continue.
        """
        if len(values) == 1:
            return np.repeat(np.asarray(values, np.float64), len(self), axis=0)
        position = np.clip((self.times + later_s) * RATE_HZ, 0, len(values) - 1)
        low = np.minimum(position.astype(int), len(values) - 2)
        share = (position - low).reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(values[low] * (1 - share) + values[low + 1] * share)

    def pieces(self, length_s: float) -> Iterator[Stretch]:
        """Yield parts of about ``length_s`` seconds, which share the sound."""
        count = max(round(len(self) / self.fps / length_s), 1)
        for rows in np.array_split(np.arange(len(self)), count):
            yield replace(self, times=self.times[rows], shapes=self.shapes[rows])


def pooled_correlation(pairs: Sequence[tuple[Array64, Array64]]) -> float:
    """Return Pearson's r of pairs of series, each series less its own mean.

    What differs between stretches, such as a head that is turned, does not count. 0 without
    variation.
    """
    product = first = second = 0.0
    for a, b in pairs:
        if len(a):
            x, y = a - a.mean(), b - b.mean()
            product, first, second = product + x @ y, first + x @ x, second + y @ y
    return float(product / np.sqrt(first * second)) if first * second > 1e-18 else 0.0
