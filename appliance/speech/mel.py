"""Compute log-mel spectrograms of an audio stream, the input of the networks.

There are three front-ends: :data:`LECTERN_MEL` for Lectern's own networks, :data:`WAV2LIP_MEL` for
networks with Wav2Lip's interface, and that of :mod:`appliance.speech.log_mel` for Whisper's
encoder. Frames are centred as in librosa (``center=True``, zeros beyond both ends): frame ``t``
covers the samples around ``t * hop``, and the number of frames is ``1 + n // hop`` for ``n``
samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Array32 = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

# Frames are always computed in batches of this size: the rounding of a matrix product depends on
# its shape, and the result must not depend on the size of the blocks.
BATCH_FRAMES = 256


@dataclass(frozen=True)
class MelSpec:
    """The parameters of a front-end.

    ``rate`` is in Hz, ``win``, ``hop`` and ``n_fft`` are in samples, ``fmin`` and ``fmax`` in Hz.
    ``scaling`` is ``"ln"``: ln(max(power, 1e-5)), ``"log10"``: log10(max(power, 1e-10)), or
    ``"wav2lip"``: amplitude in dB minus the reference of 20 dB, with -100…0 dB mapped to -4…4 and
    clipped.
    """

    rate: int
    n_fft: int
    win: int
    hop: int
    mels: int
    fmin: float
    fmax: float
    preemphasis: float
    scaling: Literal["ln", "log10", "wav2lip"]

    def frame_count(self, samples: int) -> int:
        """Return the number of frames of a stream of ``samples`` samples; 0 if it is empty."""
        return 1 + samples // self.hop if samples else 0


LECTERN_MEL = MelSpec(
    rate=16_000, n_fft=512, win=400, hop=160, mels=80,
    fmin=60.0, fmax=7600.0, preemphasis=0.0, scaling="ln",
)  # fmt: skip

# Prajwal et al. 2020, "A lip sync expert is all you need": their hparams and audio module. Their
# librosa (0.7) mirrors the signal at both ends, where we pad with zeros: this affects two frames
# at each end.
WAV2LIP_MEL = MelSpec(
    rate=16_000, n_fft=800, win=800, hop=200, mels=80,
    fmin=55.0, fmax=7600.0, preemphasis=0.97, scaling="wav2lip",
)  # fmt: skip

LN_FLOOR = 1e-5
LOG10_FLOOR = 1e-10
_DB_FLOOR, _DB_REFERENCE, _DB_RANGE, _SCALED_LIMIT = 1e-5, 20.0, 100.0, 4.0


def hz_to_mel(hz: npt.ArrayLike) -> Array64:
    """Convert Hz to Slaney's mel scale: linear below 1 kHz, logarithmic above.

    Source: Auditory Toolbox, 1998.
    """
    f = np.asarray(hz, np.float64)
    return np.where(f < 1000.0, f * 0.015, 15.0 + np.log(np.maximum(f, 1.0) / 1000.0) / _LOG_STEP)


def mel_to_hz(mel: npt.ArrayLike) -> Array64:
    """Convert Slaney's mel scale to Hz, the inverse of :func:`hz_to_mel`."""
    m = np.asarray(mel, np.float64)
    return np.where(m < 15.0, m / 0.015, 1000.0 * np.exp(_LOG_STEP * (m - 15.0)))


_LOG_STEP = np.log(6.4) / 27.0  # 27 mels from 1 kHz to 6.4 kHz


def band_edges(spec: MelSpec) -> Array64:
    """Return (mels + 2,) in Hz: triangle ``m`` starts at edge ``m`` and peaks at edge ``m + 1``."""
    return mel_to_hz(np.linspace(hz_to_mel(spec.fmin), hz_to_mel(spec.fmax), spec.mels + 2))


@lru_cache(maxsize=8)
def filterbank(spec: MelSpec) -> Array64:
    """Return (mels, n_fft // 2 + 1) triangles on Slaney's scale, of unit area over frequency."""
    bins = np.arange(spec.n_fft // 2 + 1) * (spec.rate / spec.n_fft)
    edges = band_edges(spec)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))


@lru_cache(maxsize=8)
def _window(spec: MelSpec) -> Array64:
    """Return a periodic Hann window of ``win`` samples in the middle of ``n_fft``."""
    window = np.zeros(spec.n_fft)
    start = (spec.n_fft - spec.win) // 2
    window[start : start + spec.win] = 0.5 - 0.5 * np.cos(
        2.0 * np.pi * np.arange(spec.win) / spec.win
    )
    return window


def _mel_batch(samples: Array64, spec: MelSpec) -> Array32:
    """Return (mels, BATCH_FRAMES) float32 for exactly the samples that these frames cover."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, spec.n_fft)[:: spec.hop]
    spectrum = np.fft.rfft(frames * _window(spec), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    if spec.scaling == "ln":
        return np.log(np.maximum(filterbank(spec) @ power.T, LN_FLOOR)).astype(np.float32)
    if spec.scaling == "log10":
        return np.log10(np.maximum(filterbank(spec) @ power.T, LOG10_FLOOR)).astype(np.float32)
    amplitude = filterbank(spec) @ np.sqrt(power).T
    db = 20.0 * np.log10(np.maximum(amplitude, _DB_FLOOR)) - _DB_REFERENCE
    scaled = 2.0 * _SCALED_LIMIT * (db + _DB_RANGE) / _DB_RANGE - _SCALED_LIMIT
    return np.clip(scaled, -_SCALED_LIMIT, _SCALED_LIMIT).astype(np.float32)


def mel_blocks(blocks: Iterable[Array32], spec: MelSpec) -> Iterator[Array32]:
    """Convert blocks of mono audio in [-1, 1] at ``spec.rate`` to (mels, frames) float32 pieces.

    The concatenated pieces do not depend on the sizes of the blocks, bit for bit; memory is bounded
    by the largest block and :data:`BATCH_FRAMES`. An empty stream yields nothing.
    """
    span = (BATCH_FRAMES - 1) * spec.hop + spec.n_fft
    step = BATCH_FRAMES * spec.hop
    pending = np.zeros(spec.n_fft // 2)
    total, last = 0, 0.0
    for block in blocks:
        if not len(block):
            continue
        samples = np.asarray(block, np.float64)
        before = np.concatenate(([last], samples[:-1]))
        last = float(samples[-1])
        total += len(samples)
        pending = np.concatenate((pending, samples - spec.preemphasis * before))
        start = 0
        while len(pending) - start >= span:
            yield _mel_batch(pending[start : start + span], spec)
            start += step
        pending = pending[start:]
    # The rest is padded with zeros: it has one frame for each centre that is within the audio.
    remaining = spec.frame_count(total) and (len(pending) - spec.n_fft // 2) // spec.hop + 1
    while remaining > 0:
        padded = np.zeros(span)
        padded[: len(pending)] = pending
        yield _mel_batch(padded, spec)[:, : min(remaining, BATCH_FRAMES)]
        pending = pending[step:]
        remaining -= BATCH_FRAMES


def compute_mel(samples: Array32, spec: MelSpec) -> Array32:
    """Return (mels, frames) float32 of a short audio signal in memory; see :func:`mel_blocks`."""
    pieces = list(mel_blocks([samples], spec))
    return np.concatenate(pieces, axis=1) if pieces else np.zeros((spec.mels, 0), np.float32)
