"""The acoustics of rooms and microphones, to augment speech.

All random values come from the given generator, so that a seed determines a complete training run.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from appliance.speech.log_mel import WHISPER_MEL

Array32 = npt.NDArray[np.float32]
RATE = WHISPER_MEL.rate


def resample(samples: Array32, length: int) -> Array32:
    """Resample to ``length`` samples by linear interpolation."""
    at = np.linspace(0, len(samples) - 1, length)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def room_impulse_response(rng: np.random.Generator, t60: float) -> Array32:
    """Return a room impulse response: direct sound, then noise that decays by 60 dB in ``t60`` s.

    This is Polack's statistical model (1988). The direct sound is not delayed, so labels remain
    valid.
    """
    length = int(t60 * RATE)
    decay = 10.0 ** (-3.0 * np.arange(length) / length)
    tail = rng.standard_normal(length) * decay
    tail[: int(0.002 * RATE)] = 0.0
    ratio_db = rng.uniform(-3.0, 12.0)
    tail *= 10 ** (-ratio_db / 20) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    tail[0] = 1.0
    return tail.astype(np.float32)


def noise_spectrum(rng: np.random.Generator, bins: int) -> npt.NDArray[np.complex64]:
    """Return a spectrum of steady noise: a slope from brown to blue, sometimes with mains hum."""
    hz = np.linspace(0, RATE / 2, bins)
    slope = rng.uniform(-1.0, 0.3)  # amplitude over frequency
    shape = np.maximum(hz, 40.0) ** slope
    phase = rng.uniform(0, 2 * np.pi, bins)
    spectrum = shape * np.exp(1j * phase)
    if rng.random() < 0.2:
        base = rng.choice([50.0, 60.0, 100.0, 120.0])
        for k in range(1, 9):
            spectrum[round(k * base / (RATE / 2) * (bins - 1))] *= 300.0 / k
    return np.asarray(spectrum, np.complex64)
