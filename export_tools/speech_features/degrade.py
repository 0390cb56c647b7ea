"""Degrade speech for the training of the student; its targets remain those of the clean speech.

Every change keeps the timing of the sound. All random values come from the given generator.
"""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
import numpy.typing as npt
import scipy.fft

from appliance.speech.log_mel import WHISPER_MEL
from appliance.speech.mel import filterbank
from export_tools.phonetics import augment

Array32 = npt.NDArray[np.float32]

RATE = WHISPER_MEL.rate
_CODECS = (
    ("libopus", "ogg", 48_000, (8_000, 32_000)),
    ("libmp3lame", "mp3", 16_000, (16_000, 64_000)),
    ("aac", "mp4", 16_000, (16_000, 64_000)),
    ("pcm_mulaw", "wav", 8_000, (0, 1)),
)
_MAX_DELAY = 4096  # samples by which a codec may shift the sound

_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)).astype(np.float32)
_BANK = filterbank(WHISPER_MEL).astype(np.float32)


def log_mel(samples: Array32, frames: int) -> Array32:
    """Return WHISPER_MEL (80, frames) in single precision; frame ``t`` is centred at 160 t + 200.

    ``samples`` has at least 160 · (frames - 1) + 400 samples.
    """
    view = np.lib.stride_tricks.sliding_window_view(samples, 400)[:: WHISPER_MEL.hop][:frames]
    spectrum = scipy.fft.rfft(view * _WINDOW, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.log10(np.maximum(_BANK @ power.T, np.float32(1e-10))))


def transcode(samples: npt.NDArray[np.int16], rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """Encode mono int16 at 16 kHz with a random codec and bit rate, and decode it again.

    The result has the same length; the delay of the codec is found by correlation and removed.
    """
    name, container, rate, (low, high) = _CODECS[rng.integers(len(_CODECS))]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = cast(av.AudioStream, output.add_stream(name, rate=rate, layout="mono"))
        if high > 1:
            stream.bit_rate = int(rng.integers(low, high))
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.rate = RATE
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )  # fmt: skip
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    buffer.seek(0)
    parts = []
    with av.open(buffer, "r") as source:
        back = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for decoded in source.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in back.resample(decoded)]
        parts += [part.to_ndarray()[0] for part in back.resample(None)]
    return align(samples, np.concatenate(parts))


def align(
    reference: npt.NDArray[np.int16], samples: npt.NDArray[np.int16]
) -> npt.NDArray[np.int16]:
    """Return ``samples`` shifted to fit ``reference`` best, with its length."""
    size = scipy.fft.next_fast_len(len(reference) + len(samples))
    a = scipy.fft.rfft(reference.astype(np.float32), size)
    b = scipy.fft.rfft(samples.astype(np.float32), size)
    agreement = scipy.fft.irfft(b * np.conj(a), size)
    lags = np.arange(-_MAX_DELAY, _MAX_DELAY + 1)
    lag = int(lags[np.argmax(agreement[lags])])
    out = np.zeros_like(reference)
    source = samples[max(lag, 0) :][: len(reference) - max(-lag, 0)]
    out[max(-lag, 0) : max(-lag, 0) + len(source)] = source
    return out


def tones(count: int, rng: np.random.Generator) -> Array32:
    """Return ``count`` samples like music: chords of harmonic notes that decay, and beats."""
    out = np.zeros(count, np.float32)
    beat = int(RATE * rng.uniform(0.2, 0.7))
    root = rng.uniform(60.0, 250.0)
    for start in range(0, count, beat):
        length = min(int(beat * rng.uniform(1.0, 3.0)), count - start)
        time = np.arange(length, dtype=np.float32) / RATE
        decay = np.exp(-time * rng.uniform(0.5, 8.0)).astype(np.float32)
        for semitone in rng.choice([0, 3, 4, 5, 7, 9, 12, 16, 19], rng.integers(1, 4)):
            pitch = root * 2.0 ** ((semitone + 12 * rng.integers(0, 3)) / 12)
            for harmonic in range(1, rng.integers(2, 6)):
                phase = 2 * np.pi * (harmonic * pitch * time + rng.random())
                out[start : start + length] += np.sin(phase).astype(np.float32) * decay / harmonic
        if rng.random() < 0.4:
            hit = min(int(0.08 * RATE), count - start)
            fade = np.exp(-np.arange(hit) / (0.015 * RATE))
            out[start : start + hit] += (2.0 * rng.standard_normal(hit) * fade).astype(np.float32)
    return out


def add_background(samples: Array32, other: Array32, rng: np.random.Generator) -> Array32:
    """Add reverberation and noise, tones, or ``other`` people far off, each with a probability."""
    count = len(samples)
    power = float(np.mean(samples**2)) + 1e-9
    out = samples
    if rng.random() < 0.35:
        size = scipy.fft.next_fast_len(count + RATE)
        room = augment.room_impulse_response(rng, rng.uniform(0.12, 0.8))
        out = scipy.fft.irfft(scipy.fft.rfft(out, size) * scipy.fft.rfft(room, size), size)[:count]
    draw = rng.random()
    if draw < 0.35:
        spectrum = augment.noise_spectrum(rng, count // 2 + 1)
        background = scipy.fft.irfft(spectrum, count)
        low = 3.0
    elif draw < 0.5:
        background, low = tones(count, rng), 5.0
    elif draw < 0.58:
        background, low = other, 12.0
    else:
        return np.asarray(out, np.float32)
    ratio = 10 ** (rng.uniform(low, 40.0) / 10)
    gain = np.sqrt(power / ratio / (float(np.mean(background**2)) + 1e-9))
    return np.asarray(out + gain * background, np.float32)


def color(log_power: Array32, rng: np.random.Generator) -> Array32:
    """Simulate a microphone: level, smooth equalizer and band limit on log10 power (80, n)."""
    bands = len(log_power)
    knots = rng.normal(0.0, 0.25, 6) * (rng.random() < 0.6)
    curve = np.interp(np.arange(bands), np.linspace(0, bands - 1, 6), knots)
    curve += rng.uniform(-2.0, 1.0)
    if rng.random() < 0.2:
        curve[int(rng.integers(bands * 5 // 8, bands)) :] -= rng.uniform(1.0, 5.0)
    if rng.random() < 0.2:
        curve[: int(rng.integers(1, 8))] -= rng.uniform(0.5, 3.0)
    return np.maximum(log_power + curve[:, None].astype(np.float32), np.float32(-10.0))
