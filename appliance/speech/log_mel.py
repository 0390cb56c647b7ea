"""The input of Whisper's encoder: overlapping windows of its log-mel spectrogram.

Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", and the
function ``log_mel_spectrogram`` of their code: 80 bands from 0 to 8 kHz, windows of 25 ms every
10 ms, log10 clipped eight decades below its maximum, (x + 4) / 4. Their code takes the maximum of
30 s and mirrors the sound at both ends. Here it is the maximum of a window, so that the audio can
be of any length, and the ends are padded with zeros, which affects two frames at each end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from appliance.speech.mel import LOG10_FLOOR, MelSpec, mel_blocks

Array = npt.NDArray[np.float32]

WHISPER_MEL = MelSpec(
    rate=16_000, n_fft=400, win=400, hop=160, mels=80,
    fmin=0.0, fmax=8000.0, preemphasis=0.0, scaling="log10",
)  # fmt: skip
WINDOW_FRAMES = 700
"""Frames of a window: 7 s."""
CONTEXT_FRAMES = 100
"""Frames at each end of a window that are also in the next one: 1 s."""

_DECADES = 8.0
_STRIDE = 2  # frames per step of an encoder


class MelWindow(NamedTuple):
    """A part of the log-mel spectrogram: ``mel`` (80, WINDOW_FRAMES) as the encoder expects it.

    ``keep`` frames after the first ``skip`` belong to this window; the others are context, which
    neighbouring windows contain as well, or padding.
    """

    mel: Array
    skip: int
    keep: int

    def own_steps(self, output: Array) -> Array:
        """Return the part of an output (WINDOW_FRAMES / 2, F) at 50 Hz that is of this window."""
        first = self.skip // _STRIDE
        return output[first : first + -(-self.keep // _STRIDE)]


def scale(log_power: Array) -> Array:
    """Clip log10 power (80, frames) eight decades below its maximum and map it to about -1…1.5."""
    clipped = np.maximum(log_power, log_power.max() - np.float32(_DECADES))
    return np.asarray((clipped + np.float32(4.0)) / np.float32(4.0))


def log_mel_windows(blocks: Iterable[Array]) -> Iterator[MelWindow]:
    """Convert blocks of mono audio in [-1, 1] at 16 kHz to the windows of the encoder.

    The windows are bit-identical whatever the sizes of the blocks; memory is bounded by the largest
    block and one window. The last window is padded with silence. An empty stream yields nothing.
    """
    step = WINDOW_FRAMES - 2 * CONTEXT_FRAMES
    buffer = np.zeros((WHISPER_MEL.mels, 0), np.float32)
    skip = 0
    for piece in mel_blocks(blocks, WHISPER_MEL):
        buffer = np.concatenate([buffer, piece], axis=1)
        # One frame more shows that this window is not the last one.
        while buffer.shape[1] > WINDOW_FRAMES:
            yield MelWindow(
                scale(buffer[:, :WINDOW_FRAMES]), skip, WINDOW_FRAMES - CONTEXT_FRAMES - skip
            )
            buffer, skip = buffer[:, step:], CONTEXT_FRAMES
    frames = buffer.shape[1]
    if frames:
        silence = np.float32(np.log10(LOG10_FLOOR))
        padded = np.full((WHISPER_MEL.mels, WINDOW_FRAMES), silence)
        padded[:, :frames] = buffer
        yield MelWindow(scale(padded), skip, frames - skip)
