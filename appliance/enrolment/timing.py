"""Find by how much the sound of a recording is later than the picture.

The opening of the mouth that the sound predicts is compared with the opening that the picture
shows, at every offset up to :data:`MAX_OFFSET_S`. A few seconds of speech are ambiguous, and most
recordings are in step, so a Bayesian estimate is used: an offset is only as large as the recording
makes it likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.enrolment.stretch import RATE_HZ, Stretch, pooled_correlation

Array64 = npt.NDArray[np.float64]

MAX_OFFSET_S = 0.4
NOTABLE_OFFSET_S = 0.06
"""An offset that viewers begin to notice (ITU-R BT.1359: 45 ms early, 125 ms late)."""

_STEP_S = 0.01
# Independent measurements in a second of speech. Openings of a mouth are correlated for 0.2 s.
_MEASUREMENTS_PER_S = 5.0
# Before anything is measured: 80 % of recordings are in step, with this deviation in seconds;
# every offset of the others is equally likely.
_IN_STEP_SHARE, _IN_STEP_S = 0.8, 0.05
# The estimate is right within this many seconds with the probability that is reported.
_TOLERANCE_S, _MIN_CONFIDENCE = 0.04, 0.7
# Sound and picture are related if r is above both. Of 546 pairs of sound and picture of different
# clips, 4 to 20 s long, the best r was below 2.8 / sqrt(measurements) in 99 %.
_MIN_R, _MIN_R_BY_MEASUREMENTS = 0.2, 2.8
_MIN_SECONDS = 4.0  # less than this cannot be told from chance
_MIN_R_OF_SHORT = 0.35  # of a shot that cannot be judged alone


@dataclass(frozen=True)
class Offset:
    """How sound and picture of a recording are related.

    The sound is ``seconds`` later than the picture (negative: earlier), with the probability
    ``confidence`` that this is right within 40 ms. ``r`` is the correlation of predicted and
    measured opening there. If they are not ``related``, the sound is not this person's speech.
    """

    seconds: float
    confidence: float
    r: float
    related: bool

    @property
    def is_known(self) -> bool:
        """Whether the offset is that of this person's speech, and likely to be right."""
        return self.related and self.confidence >= _MIN_CONFIDENCE


def find_offset(stretches: Sequence[Stretch], predicted: Sequence[Array64]) -> Offset:
    """Return the offset of a recording.

    ``predicted`` are the openings (m,) that the sound of each of the ``stretches`` causes, at
    :data:`~appliance.enrolment.stretch.RATE_HZ`. Frames in and around speech are used.
    """
    pairs = list(zip(stretches, predicted, strict=True))
    rows = [_around_speech(stretch) for stretch in stretches]
    measured = [stretch.openings[row] for stretch, row in zip(stretches, rows, strict=True)]
    steps = round(MAX_OFFSET_S / _STEP_S)
    offsets = np.asarray(np.arange(-steps, steps + 1) * _STEP_S, np.float64)
    r = np.zeros(len(offsets))
    for index, offset in enumerate(offsets):
        shifted = [
            stretch.at_frames(opening, float(offset))[row]
            for (stretch, opening), row in zip(pairs, rows, strict=True)
        ]
        r[index] = pooled_correlation(list(zip(shifted, measured, strict=True)))
    seconds = sum(row.sum() / stretch.fps for stretch, row in zip(stretches, rows, strict=True))
    measurements = _MEASUREMENTS_PER_S * float(seconds)
    probability = _posterior(offsets, r, measurements)
    best = int(np.argmax(probability))
    near = np.abs(offsets - offsets[best]) <= _TOLERANCE_S + 1e-9
    threshold = max(_MIN_R, _MIN_R_BY_MEASUREMENTS / np.sqrt(max(measurements, 1.0)))
    related = seconds >= _MIN_SECONDS and r[best] >= threshold
    return Offset(
        round(float(offsets[best]), 3),
        round(float(probability[near].sum()), 3),
        round(float(r[best]), 3),
        bool(related),
    )


def related_stretches(
    stretches: Sequence[Stretch], predicted: Sequence[Array64]
) -> tuple[Offset, list[int]]:
    """Return the offset, and the indices of the stretches whose sound is this person's speech.

    In a recording with several shots, another person or a narrator may speak in some of them. Long
    shots are judged alone; short ones together, or by the offset of the long ones.
    """
    alone = [find_offset([s], [p]) for s, p in zip(stretches, predicted, strict=True)]
    own = [index for index, offset in enumerate(alone) if offset.related]
    if not own:
        offset = find_offset(stretches, predicted)
        return offset, list(range(len(stretches))) if offset.related else []
    offset = find_offset([stretches[i] for i in own], [predicted[i] for i in own])
    for index, stretch in enumerate(stretches):
        if index not in own:
            shifted = stretch.at_frames(predicted[index], offset.seconds)
            if pooled_correlation([(shifted, stretch.openings)]) >= _MIN_R_OF_SHORT:
                own.append(index)
    return offset, sorted(own)


def _posterior(offsets: Array64, r: Array64, measurements: float) -> Array64:
    """Return the probability of each offset, from the likelihood of a linear regression."""
    log_likelihood = -0.5 * measurements * np.log(1 - np.clip(r, 0.0, 0.999) ** 2)
    in_step = np.exp(-0.5 * (offsets / _IN_STEP_S) ** 2)
    prior = _IN_STEP_SHARE * in_step / in_step.sum() + (1 - _IN_STEP_SHARE) / len(offsets)
    weights = np.exp(log_likelihood - log_likelihood.max()) * prior
    return np.asarray(weights / weights.sum())


def _around_speech(stretch: Stretch) -> npt.NDArray[np.bool_]:
    """Return the frames (n,) in speech and up to 0.3 s from it."""
    reach = round(0.3 * RATE_HZ)
    near = np.convolve(stretch.speech, np.ones(2 * reach + 1), mode="same") > 0.5
    steps = np.clip(np.rint(stretch.times * RATE_HZ).astype(int), 0, len(near) - 1)
    return np.asarray(near[steps])
