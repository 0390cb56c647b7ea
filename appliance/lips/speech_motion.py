"""Predicts the mouth motion from the features of the speech encoder.

The prediction is linear: a few matrices, each for the features some time before or after the
moment. They yield the mouth coefficients and two scores, which :func:`apply_scores` uses to shut
the mouth for p, b and m, and where nobody speaks. ``export_tools.speech_features.train_motion``
trained them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# Scores at which the lips begin to shut and are shut, and at which the mouth begins to move and
# moves freely (export_tools/speech_features/README.md).
_SHUT_RANGE = (0.1, 0.22)
_SPEECH_RANGE = (0.1, 0.4)
SCORES = 2
_NEAR_S = 0.5  # lips part before there is sound, and close after it


@dataclass(frozen=True)
class SpeechMotion:
    """A linear filter from features to mouth coefficients and scores.

    ``matrices`` (n, F, K + 2) float32, of which matrix ``i`` applies to the features ``taps[i]``
    steps later; ``bias`` (K + 2,). ``wide`` (K,) is the motion of a wide open mouth, its mean in
    training; empty where it is not known.
    """

    matrices: Array
    taps: npt.NDArray[np.int64]
    bias: Array
    wide: Array = field(default_factory=lambda: np.zeros(0, np.float32))

    @classmethod
    def load(cls, path: Path) -> SpeechMotion:
        """Read the file that :meth:`save` wrote."""
        with np.load(path) as data:
            return cls(
                data["matrices"].astype(np.float32), data["taps"], data["bias"], data["wide"]
            )

    def save(self, path: Path) -> None:
        """Write the filter to ``path``; the matrices are stored in half precision."""
        matrices = self.matrices.astype(np.float16)
        np.savez(path, matrices=matrices, taps=self.taps, bias=self.bias, wide=self.wide)

    def without_scores(self) -> SpeechMotion:
        """Return the filter that yields only the coefficients."""
        return SpeechMotion(self.matrices[..., :-SCORES], self.taps, self.bias[:-SCORES], self.wide)

    def with_scores_of(self, other: SpeechMotion) -> SpeechMotion:
        """Return this filter, which has no scores, with those of ``other``, of the same taps."""
        return SpeechMotion(
            np.concatenate([self.matrices, other.matrices[..., -SCORES:]], axis=2),
            self.taps,
            np.concatenate([self.bias, other.bias[-SCORES:]]),
            other.wide,
        )

    def predict(self, features: Iterable[Array]) -> Iterator[Array]:
        """Convert consecutive blocks of features (n, F) to values (n, K + 2), block by block.

        The last two columns are the scores for p, b and m, and for speech.

        Before the first and after the last step the features are those of that step. The result
        does not depend on the sizes of the blocks; memory is bounded by the largest block.
        """
        before, after = max(-int(self.taps.min()), 0), max(int(self.taps.max()), 0)
        buffer: Array | None = None
        for block in features:
            if not len(block):
                continue
            products = self._products(block)
            if buffer is None:
                buffer = np.repeat(products[:1], before, axis=0)
            buffer = np.concatenate([buffer, products])
            ready = len(buffer) - before - after
            if ready > 0:
                yield self._sum(buffer, before, ready)
                buffer = buffer[ready:]
        if buffer is not None:
            buffer = np.concatenate([buffer, np.repeat(buffer[-1:], after, axis=0)])
            ready = len(buffer) - before - after
            if ready > 0:
                yield self._sum(buffer, before, ready)

    def _products(self, block: Array) -> Array:
        """Return (n, taps, K + 2): the features of each step times every matrix."""
        joined = self.matrices.transpose(1, 0, 2).reshape(self.matrices.shape[1], -1)
        return np.asarray((block @ joined).reshape(len(block), *self.matrices.shape[::2]))

    def _sum(self, buffer: Array, before: int, count: int) -> Array:
        """Return the values (count, K + 2) of the steps from ``before`` on."""
        total = np.repeat(self.bias[None], count, axis=0)
        for index, tap in enumerate(self.taps):
            start = before + int(tap)
            total = total + buffer[start : start + count, index]
        return np.asarray(total, np.float32)


def apply_scores(values: Array, gate: Array) -> Array:
    """Return the coefficients (n, K) of a whole lecture for what :meth:`.predict` returned.

    They are scaled towards rest, the closed mouth, for p, b and m, and without speech. The score of
    the closed lips is smoothed by one step on each side against abrupt motion. ``gate`` (n,) is
    that of :func:`widen_gate`: steady tones and hum resemble vowels to the encoder, but not to it.
    """
    coefficients, shut, speech = values[:, :-SCORES], values[:, -2], values[:, -1]
    padded = np.pad(_ramp(shut, _SHUT_RANGE), 1)
    smooth = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    scale = (1.0 - smooth) * _ramp(speech, _SPEECH_RANGE) * gate
    return np.asarray(coefficients * scale[:, None], np.float32)


def widen_gate(gate: Array, gate_hz: float, times: npt.NDArray[np.float64]) -> Array:
    """Return (n,): the highest value of ``gate`` within 0.5 s of each of ``times`` in seconds.

    ``gate`` (m,) is the level gate of :class:`appliance.speech.vad.VoiceActivity`, of which value
    ``i`` is at ``i / gate_hz`` seconds. Between its values the result is interpolated, and never
    lower than a value within 0.5 s.
    """
    reach = round(_NEAR_S * gate_hz)
    padded = np.pad(gate, reach)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(1)
    near = np.interp(times * gate_hz, np.arange(len(gate)), highest)
    return np.asarray(near, np.float32)


def _ramp(score: Array, limits: tuple[float, float]) -> Array:
    low, high = limits
    return np.asarray(np.clip((score - low) / (high - low), 0.0, 1.0), np.float32)
