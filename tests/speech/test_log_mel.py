"""The input of Whisper's encoder compared with librosa, and its cut into windows."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Literal

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from appliance.speech.log_mel import (
    CONTEXT_FRAMES,
    WHISPER_MEL,
    WINDOW_FRAMES,
    log_mel_windows,
    scale,
)
from appliance.speech.mel import compute_mel

RATE = 16_000
STEP = WINDOW_FRAMES - 2 * CONTEXT_FRAMES


def speechlike(seconds: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """Harmonics under a syllable envelope plus noise, within [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 30))
    sound = tone * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) * 0.2 + rng.normal(0, 0.01, t.size)
    return np.clip(sound, -1, 1).astype(np.float32)


def librosa_log_mel(
    sound: npt.NDArray[np.float32], pad_mode: Literal["constant", "reflect"]
) -> npt.NDArray[np.float64]:
    power = librosa.feature.melspectrogram(
        y=sound.astype(np.float64), sr=RATE, n_fft=400, hop_length=160, n_mels=80, fmin=0,
        fmax=8000, center=True, pad_mode=pad_mode,
    )  # fmt: skip
    logarithm = np.log10(np.maximum(power, 1e-10))
    return np.asarray((np.maximum(logarithm, logarithm.max() - 8.0) + 4.0) / 4.0)


@pytest.mark.parametrize("seconds", [0.03, 1.0, 6.2])
def test_scaled_spectrogram_equals_librosa(seconds: float) -> None:
    sound = speechlike(seconds)
    ours = scale(compute_mel(sound, WHISPER_MEL))
    assert ours.dtype == np.float32
    assert np.abs(ours - librosa_log_mel(sound, "constant")).max() < 1e-5


def test_mirrored_ends_differ_only_in_two_frames() -> None:
    sound = speechlike(3.0)
    ours = scale(compute_mel(sound, WHISPER_MEL))
    assert np.abs(ours - librosa_log_mel(sound, "reflect"))[:, 2:-2].max() < 1e-5


def test_quiet_parts_are_clipped_eight_decades_below_the_maximum() -> None:
    sound = speechlike(2.0)
    sound[RATE:] = 0
    scaled = scale(compute_mel(sound, WHISPER_MEL))
    assert scaled.max() - scaled.min() == pytest.approx(2.0)
    assert np.all(scaled[:, -50:] == scaled.min())


@pytest.mark.parametrize("seconds", [0.01, 5.0, 6.99, 7.0, 12.0, 33.333])
def test_windows_cover_the_spectrogram_once(seconds: float) -> None:
    sound = speechlike(seconds)
    whole = compute_mel(sound, WHISPER_MEL)
    first = 0
    for number, window in enumerate(log_mel_windows([sound])):
        assert window.mel.shape == (80, WINDOW_FRAMES)
        part = whole[:, number * STEP : number * STEP + WINDOW_FRAMES]
        assert np.array_equal(window.mel[:, : part.shape[1]], scale(part))
        assert first == number * STEP + window.skip
        first += window.keep
        assert window.skip == (CONTEXT_FRAMES if number else 0)
    assert first == whole.shape[1]


def test_windows_do_not_depend_on_the_size_of_the_blocks() -> None:
    sound = speechlike(20.0)
    expected = list(log_mel_windows([sound]))
    for size in (1_000, 16_001, 100_000):
        blocks = (sound[start : start + size] for start in range(0, len(sound), size))
        for one, other in zip(log_mel_windows(blocks), expected, strict=True):
            assert np.array_equal(one.mel, other.mel)
            assert one[1:] == other[1:]


def test_last_window_is_padded_with_silence() -> None:
    sound = speechlike(2.0)
    (window,) = log_mel_windows([sound])
    silent = np.zeros(5 * RATE, np.float32)
    (zeros,) = log_mel_windows([np.concatenate([sound, silent])[: 7 * RATE - 160]])
    assert np.array_equal(window.mel[:, 205:], zeros.mel[:, 205:])


def test_silence_is_finite() -> None:
    (window,) = log_mel_windows([np.zeros(RATE, np.float32)])
    assert np.all(np.isfinite(window.mel))


def test_empty_stream_has_no_windows() -> None:
    assert list(log_mel_windows([])) == []


def test_memory_does_not_grow_with_the_audio() -> None:
    def peak(seconds: int) -> int:
        second = speechlike(1.0)

        def blocks() -> Iterator[npt.NDArray[np.float32]]:
            for _ in range(seconds):
                yield second

        for _ in log_mel_windows(blocks()):
            pass
        tracemalloc.start()
        for _ in log_mel_windows(blocks()):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(200) < peak(20) + 100_000
