"""Learn how one person moves the mouth: a correction of the motion that fits everybody.

The correction is linear, like the generic motion, and sees the features only through the
directions that the generic motion uses (:func:`speech_directions`). It is a ridge regression of the
difference between measured and generic coefficients, so it tends to nothing where there is little
speech. Blocks of the recording are predicted from the others to choose the strength of the ridge
and to decide whether the correction is used at all. If it is not, the person's mean posture and
range of movement can still be better than everybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from appliance.enrolment.stretch import RATE_HZ, Stretch, pooled_correlation
from appliance.lips.motion import MotionBasis
from appliance.lips.speech_motion import SpeechMotion

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

MIN_SPEECH_S = 4.0
"""Less speech than this teaches nothing."""
MIN_CORRECTION_S = 6.0
"""Less speech than this is not enough to decide whether a correction helps."""
MIN_GAIN = 0.02
"""Smallest gain in the correlation of the opening, in the cross-validation, for a correction to be
used."""
MIN_T = 1.0
"""Smallest mean gain of a block, in standard errors."""

# Strengths of the ridge, for columns of variance one at 50 Hz: these factors times the number of
# seconds below, divided by those of the recording. The best are 2000 to 3000 with 10 s of speech
# and 1000 with 30 s (docs/personalization.md).
_STRENGTH, _STRENGTH_S, _STRENGTH_FACTORS = 1000.0, 30.0, (1.0, 2.0, 4.0, 8.0)
_BLOCK_S, _GAP_S = 2.0, 0.2  # blocks of the cross-validation, and what is left out beside them
_PIECE_S = 4.0  # pieces that are checked for belonging to this person
_MIN_PIECE_R, _MIN_PIECE_SPEECH_S = 0.1, 0.5
_MIN_SCALE = 0.2
# Where no correction helps, the person's own mean posture and range are used if they make the
# squared error of the opening in blocks that were left out smaller by this share.
_MIN_ERROR_SHARE = 0.2
_NO_CORRECTION = 1e9  # a strength that leaves nothing of the correction
# The movement is made larger or smaller by a factor in this range. What sound predicts has less
# movement than what is filmed; half of that (in decibels) is made up for.
_AMPLITUDE_RANGE = (0.7, 1.3)


@dataclass(frozen=True)
class MotionFit:
    """The result of :func:`learn_motion`.

    ``gain`` is the gain in the cross-validation, ``speech_s`` the seconds of speech that were used.
    ``motion`` replaces the generic motion; ``None`` if nothing is clearly better. It is
    ``corrected``, or only has the person's posture and range.
    """

    motion: SpeechMotion | None
    gain: float
    speech_s: float
    corrected: bool = False


def speech_directions(motion: SpeechMotion) -> Array64:
    """Return (F, D) orthonormal directions: those of the features that ``motion`` depends on."""
    joined = motion.matrices.transpose(1, 0, 2).reshape(motion.matrices.shape[1], -1)
    directions, size, _ = np.linalg.svd(joined.astype(np.float64), full_matrices=False)
    return np.asarray(directions[:, size > 1e-6 * size.max()])


def predict(motion: SpeechMotion, features: Array32) -> Array32:
    """Return the coefficients (m, K) of all features (m, F) of a stretch."""
    return np.concatenate(list(motion.predict([features])))


def learn_motion(
    stretches: Sequence[Stretch],
    generic: SpeechMotion,
    basis: MotionBasis,
    rest: Array64,
    amplitude: float,
    offset_s: float,
) -> MotionFit:
    """Learn the correction from recorded speech.

    ``rest`` (57, 3) is the person's closed mouth and ``amplitude`` what the motion will be
    multiplied by, both from the presenter's profile; the sound is ``offset_s`` later than the
    picture. Pieces in which the mouth does not move as the sound says are left out: there someone
    else speaks.
    """
    direction = basis.opening_direction
    directions = speech_directions(generic)
    tables = [
        table
        for stretch in stretches
        for table in _tables(stretch, generic, directions, basis, rest, offset_s)
        if _belongs(table, direction, stretch.fps)
    ]
    fps = stretches[0].fps if stretches else RATE_HZ
    speech_s = sum(len(table.targets) for table in tables) / fps
    if speech_s < MIN_SPEECH_S:
        return MotionFit(None, 0.0, speech_s)
    regression = _Regression(tables, direction, fps)
    weakest = _STRENGTH * max(_STRENGTH_S / speech_s, 1.0)
    strength, gain, t = max(
        (regression.validate(weakest * factor) for factor in _STRENGTH_FACTORS),
        key=lambda row: row[1],
    )
    corrected = speech_s >= MIN_CORRECTION_S and gain >= MIN_GAIN and t >= MIN_T
    if corrected:
        motion = regression.motion(strength, generic, directions, amplitude)
    elif regression.validate_range(amplitude) >= _MIN_ERROR_SHARE:
        motion = regression.motion(_NO_CORRECTION, generic, directions, amplitude)
    else:
        return MotionFit(None, gain, speech_s)
    return MotionFit(motion, gain, speech_s, corrected)


@dataclass(frozen=True)
class _Table:
    """Rows of one piece: ``columns`` (n, D · taps), ``generic`` and ``targets`` (n, K)."""

    columns: Array64
    generic: Array64
    targets: Array64


def _tables(
    stretch: Stretch,
    generic: SpeechMotion,
    directions: Array64,
    basis: MotionBasis,
    rest: Array64,
    offset_s: float,
) -> list[_Table]:
    """Return the frames with a voice, by piece."""
    steps = np.arange(len(stretch.features))
    reduced = stretch.features @ directions
    moments = [reduced[np.clip(steps + tap, 0, len(steps) - 1)] for tap in generic.taps]
    columns, coefficients = np.concatenate(moments, axis=1), predict(generic, stretch.features)
    tables = []
    for piece in stretch.pieces(_PIECE_S):
        spoken = piece.spoken(offset_s)
        tables.append(
            _Table(
                piece.at_frames(columns, offset_s)[spoken],
                piece.at_frames(coefficients, offset_s)[spoken],
                basis.coefficients(piece.shapes[spoken] - rest),
            )
        )
    return tables


def _belongs(table: _Table, direction: Array64, fps: float) -> bool:
    """Return whether the mouth of a piece moves as its sound says."""
    if len(table.targets) < _MIN_PIECE_SPEECH_S * fps:
        return False
    r = pooled_correlation([(table.generic @ direction, table.targets @ direction)])
    return r >= _MIN_PIECE_R


class _Regression:
    """Ridge regression of the difference between the measured and the scaled generic motion.

    Everything is computed from sums of products of the columns, which can be subtracted, so that
    leaving out a block costs little. The rows of the sums are the columns, 1, and the generic
    coefficients.
    """

    def __init__(self, tables: Sequence[_Table], direction: Array64, fps: float) -> None:
        self._direction = direction
        self._rate = fps / RATE_HZ
        rows, targets, blocks = [], [], []
        for table in tables:
            ones = np.ones((len(table.columns), 1))
            rows.append(np.concatenate([table.columns, ones, table.generic], axis=1))
            targets.append(table.targets)
            count = max(round(len(table.columns) / fps / _BLOCK_S), 1)
            start = sum(map(len, targets)) - len(table.columns)
            blocks += np.array_split(np.arange(start, start + len(table.columns)), count)
        self._rows, self._targets = np.concatenate(rows), np.concatenate(targets)
        self._blocks = blocks
        self._gap = round(_GAP_S * fps)
        self._width = tables[0].columns.shape[1]
        self._square = self._rows.T @ self._rows
        self._cross = self._rows.T @ self._targets
        columns = self._rows[:, : self._width]
        self._variance = float(columns.var(axis=0).mean())

    def motion(
        self, strength: float, generic: SpeechMotion, directions: Array64, amplitude: float
    ) -> SpeechMotion:
        """Return the motion that is learned from all blocks.

        Multiplied by ``amplitude``, it has the person's own mean posture and, within limits, the
        person's own range.
        """
        scale, weights, _ = self._solve(self._square, self._cross, strength)
        moved = self._predict(self._rows, scale, weights)
        factor, posture = self._fit_range(moved, self._targets, scale, amplitude)
        size = directions.shape[1]
        change = np.stack(
            [directions @ weights[size * i : size * (i + 1)] for i in range(len(generic.taps))]
        )
        matrices = factor * (scale * generic.matrices + change)
        bias = posture + factor * scale * generic.bias
        # in half precision, as it is stored: the first lecture and the next ones must be the same
        return SpeechMotion(
            matrices.astype(np.float16).astype(np.float32),
            generic.taps,
            bias.astype(np.float32),
            generic.wide,
        )

    def validate(self, strength: float) -> tuple[float, float, float]:
        """Return ``strength``, the gain in r, and the mean gain of a block in standard errors."""
        before, after, gains = [], [], []
        for block in self._blocks:
            sums = self._sums_without(self._left_out(block))
            scale, weights, bias = self._solve(*sums, strength)
            rows = self._rows[block]
            generic = scale * rows[:, self._width + 1 :]
            learned = self._predict(rows, scale, weights) + bias
            real, old, new = (x @ self._direction for x in (self._targets[block], generic, learned))
            before.append((old, real))
            after.append((new, real))
            gains.append(_squared_error(old, real) - _squared_error(new, real))
        gain = pooled_correlation(after) - pooled_correlation(before)
        spread = float(np.std(gains, ddof=1)) if len(gains) > 1 else 0.0
        t = float(np.mean(gains)) / (spread / np.sqrt(len(gains))) if spread > 0 else 0.0
        return strength, gain, t

    def validate_range(self, amplitude: float) -> float:
        """Return the share of the squared error that goes with the person's posture and range."""
        before = after = 0.0
        for block in self._blocks:
            out = self._left_out(block)
            kept = np.ones(len(self._rows), bool)
            kept[out] = False
            scale, weights, _ = self._solve(*self._sums_without(out), _NO_CORRECTION)
            moved = self._predict(self._rows, scale, weights)
            factor, posture = self._fit_range(moved[kept], self._targets[kept], scale, amplitude)
            shown = amplitude * (factor * moved[block] + posture) @ self._direction
            generic = amplitude * self._rows[block, self._width + 1 :] @ self._direction
            real = self._targets[block] @ self._direction
            before += float(((generic - real) ** 2).sum())
            after += float(((shown - real) ** 2).sum())
        return 1 - after / before if before > 0 else 0.0

    def _left_out(self, block: npt.NDArray[np.int64]) -> slice:
        """Return the rows of a block, and of the gaps beside it."""
        return slice(max(int(block[0]) - self._gap, 0), int(block[-1]) + self._gap + 1)

    def _sums_without(self, out: slice) -> tuple[Array64, Array64]:
        """Return the sums of products of all rows but ``out``."""
        rows, targets = self._rows[out], self._targets[out]
        return self._square - rows.T @ rows, self._cross - rows.T @ targets

    def _predict(self, rows: Array64, scale: float, weights: Array64) -> Array64:
        """Return the scaled generic motion and its correction, without the bias."""
        return np.asarray(scale * rows[:, self._width + 1 :] + rows[:, : self._width] @ weights)

    def _fit_range(
        self, moved: Array64, targets: Array64, scale: float, amplitude: float
    ) -> tuple[float, Array64]:
        """Return factor and posture (K,): ``factor * moved + posture`` is to be shown.

        Multiplied by ``amplitude``, that has the mean of ``targets`` and, within limits, half of
        the difference between the deviations of ``moved`` and ``targets`` (in decibels). A factor
        that exaggerates the movement exaggerates no posture.
        """
        share = np.std(moved @ self._direction) / np.std(targets @ self._direction)
        factor = float(np.clip(scale / np.sqrt(share) / amplitude, *_AMPLITUDE_RANGE)) / scale
        posture = min(factor, 1 / amplitude) * targets.mean(axis=0) - factor * moved.mean(axis=0)
        return factor, posture

    def _solve(
        self, square: Array64, cross: Array64, strength: float
    ) -> tuple[float, Array64, Array64]:
        width, direction = self._width, self._direction
        total = square[width, width]
        mean, middle = square[width] / total, cross[width] / total
        square = square - total * np.outer(mean, mean)
        cross = cross - total * np.outer(mean, middle)
        own = slice(width + 1, None)  # the generic coefficients
        along = max(float(direction @ square[own, own] @ direction), 1e-12)
        scale = max(float(direction @ cross[own] @ direction) / along, _MIN_SCALE)
        penalty = strength * self._rate * self._variance * np.eye(width)
        difference = cross[:width] - scale * square[:width, own]
        weights = np.linalg.solve(square[:width, :width] + penalty, difference)
        bias = middle - scale * mean[own] - mean[:width] @ weights
        return scale, np.asarray(weights), bias


def _squared_error(predicted: Array64, real: Array64) -> float:
    """Return the squared error of the movement, without the mean of the block."""
    return float((((predicted - predicted.mean()) - (real - real.mean())) ** 2).sum())
