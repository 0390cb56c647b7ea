"""Predicts the mouth motion from the features of the speech encoder.

The prediction is linear: a few matrices, each for the features some time before or after the
moment. It was trained by ``export_tools.speech_features.train_motion``. It does not close the lips
completely for p, b and m: :func:`close_lips` does, where the phonetic encoder finds these sounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

CLOSED_CLASS = 1
"""The class of p, b and m in the posteriors of the phonetic encoder."""
_CLOSURE_POWER = 0.7  # the largest with a recall above 0.9 (export_tools/speech_features/README.md)


@dataclass(frozen=True)
class SpeechMotion:
    """A linear filter from features to mouth coefficients.

    ``matrices`` (n, F, K) float32, of which matrix ``i`` applies to the features ``taps[i]`` steps
    later; ``bias`` (K,). ``wide`` (K,) is the motion of a wide open mouth, its mean in
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

    def predict(self, features: Iterable[Array]) -> Iterator[Array]:
        """Convert consecutive blocks of features (n, F) to coefficients (n, K), block by block.

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
        """Return (n, taps, K): the features of each step times every matrix."""
        joined = self.matrices.transpose(1, 0, 2).reshape(self.matrices.shape[1], -1)
        return np.asarray((block @ joined).reshape(len(block), *self.matrices.shape[::2]))

    def _sum(self, buffer: Array, before: int, count: int) -> Array:
        """Return the coefficients (count, K) of the steps from ``before`` on."""
        total = np.repeat(self.bias[None], count, axis=0)
        for index, tap in enumerate(self.taps):
            start = before + int(tap)
            total = total + buffer[start : start + count, index]
        return np.asarray(total, np.float32)


def close_lips(values: Array, likely: Array) -> Array:
    """Return the coefficients (n, K) scaled towards rest, the closed mouth, for p, b and m.

    ``likely`` is the probability of these sounds at the steps from the first one on; missing steps
    at the end are without them. It is smoothed by one step on each side against abrupt motion.
    """
    padded = np.zeros(len(values) + 2, np.float32)
    count = min(len(values), len(likely))
    padded[1 : count + 1] = likely[:count]
    smooth = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    closed = np.clip(smooth, 0.0, 1.0) ** _CLOSURE_POWER
    return np.asarray(values * (1.0 - closed[:, None]), np.float32)
