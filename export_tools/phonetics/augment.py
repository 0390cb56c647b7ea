"""Augment speech by the acoustics of rooms, microphones and different vocal tracts.

All random values come from the given generator, so that a seed determines a complete training run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from appliance.speech.mel import LECTERN_MEL, LN_FLOOR, filterbank

Array32 = npt.NDArray[np.float32]
RATE = LECTERN_MEL.rate
CROP_FRAMES = 400  # mel frames of one training crop: 4 s
CROP_SAMPLES = CROP_FRAMES * LECTERN_MEL.hop
_FFT = 1 << 17  # holds a crop and a second of echo


@dataclass(frozen=True)
class AugmentConfig:
    """Probabilities and ranges of augmentation; the defaults are those of the shipped encoder."""

    tempo: tuple[float, float] = (0.82, 1.22)  # resampling: pitch, formants and tempo together
    warp: tuple[float, float] = (0.86, 1.16)  # vocal tract length: formants alone
    level_db: tuple[float, float] = (-38.0, -12.0)
    snr_db: tuple[float, float] = (3.0, 35.0)
    reverb_s: tuple[float, float] = (0.12, 0.8)
    p_tempo: float = 0.7
    p_warp: float = 0.7
    p_noise: float = 0.7
    p_reverb: float = 0.4
    p_band: float = 0.3
    p_mute: float = 0.15


@lru_cache(maxsize=64)
def _warped_filterbank(percent: int) -> Array32:
    """Return the mel filterbank for a vocal tract of ``percent`` % of the original length."""
    return filterbank(replace(LECTERN_MEL, rate=RATE * percent // 100)).astype(np.float32)


_WINDOW = np.zeros(LECTERN_MEL.n_fft, np.float32)
_WINDOW[56:456] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)


def warped_mel(samples: Array32, percent: int = 100) -> Array32:
    """Return LECTERN_MEL (80, 1 + n // 160) in single precision, with a warped frequency axis."""
    padded = np.pad(samples, LECTERN_MEL.n_fft // 2)
    view = np.lib.stride_tricks.sliding_window_view(padded, LECTERN_MEL.n_fft)
    spectrum = scipy.fft.rfft(view[:: LECTERN_MEL.hop] * _WINDOW, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(
        np.log(np.maximum(_warped_filterbank(percent) @ power.T, np.float32(LN_FLOOR)))
    )


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


def add_room_and_noise(
    samples: Array32, rng: np.random.Generator, config: AugmentConfig
) -> Array32:
    """Apply reverberation, noise and a random level to one crop."""
    n = len(samples)
    power = float(np.mean(samples**2)) + 1e-9
    spectrum = scipy.fft.rfft(samples, _FFT)
    if rng.random() < config.p_reverb:
        spectrum *= scipy.fft.rfft(room_impulse_response(rng, rng.uniform(*config.reverb_s)), _FFT)
    sound = scipy.fft.irfft(spectrum, _FFT)[:n]
    if rng.random() < config.p_noise:
        hiss = scipy.fft.irfft(noise_spectrum(rng, n // 2 + 1), n)
        snr = rng.uniform(*config.snr_db)
        sound = sound + hiss * np.sqrt(power / 10 ** (snr / 10) / (np.mean(hiss**2) + 1e-12))
    level = 10 ** (rng.uniform(*config.level_db) / 20)
    sound = sound * (level / np.sqrt(float(np.mean(sound**2)) + 1e-9))
    return np.asarray(np.clip(sound, -1.0, 1.0), np.float32)


def color_mel(log_mel: Array32, rng: np.random.Generator, config: AugmentConfig) -> Array32:
    """Simulate microphone and codec: a smooth equalizer, a band limit and a masked stripe."""
    bands = log_mel.shape[0]
    knots = rng.normal(0.0, 0.5, 6)
    curve = np.interp(np.arange(bands), np.linspace(0, bands - 1, 6), knots)
    out = log_mel + curve[:, None].astype(np.float32)
    if rng.random() < config.p_band:
        top = int(rng.integers(bands * 5 // 8, bands))  # 80 bands: 3.2 kHz and up
        out[top:] = np.maximum(out[top:] - rng.uniform(3.0, 12.0), np.log(LN_FLOOR))
        low = int(rng.integers(0, 8))
        out[:low] -= rng.uniform(1.0, 6.0)
    if rng.random() < 0.5:
        width = int(rng.integers(1, 9))
        start = int(rng.integers(0, bands - width))
        out[start : start + width] = out.mean()
    return np.maximum(out, np.float32(np.log(LN_FLOOR)))
