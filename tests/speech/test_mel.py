"""The mel front-ends compared with librosa, and their independence of the block size."""

from __future__ import annotations

from collections.abc import Iterator

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from appliance.speech.mel import (
    BATCH_FRAMES,
    LECTERN_MEL,
    WAV2LIP_MEL,
    MelSpec,
    compute_mel,
    filterbank,
    hz_to_mel,
    mel_blocks,
    mel_to_hz,
)

RATE = 16_000


def speechlike(seconds: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """Harmonics under a syllable envelope plus noise, within [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 30))
    sound = tone * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) * 0.2
    sound = sound + rng.normal(0, 0.01, t.size)
    return np.clip(sound, -1, 1).astype(np.float32)


def chop(samples: npt.NDArray[np.float32], sizes: list[int]) -> Iterator[npt.NDArray[np.float32]]:
    start, turn = 0, 0
    while start < len(samples):
        size = sizes[turn % len(sizes)]
        yield samples[start : start + size]
        start, turn = start + size, turn + 1


@pytest.mark.parametrize("spec", [LECTERN_MEL, WAV2LIP_MEL])
def test_filterbank_equals_librosa(spec: MelSpec) -> None:
    theirs = librosa.filters.mel(
        sr=spec.rate, n_fft=spec.n_fft, n_mels=spec.mels, fmin=spec.fmin, fmax=spec.fmax
    )
    assert np.allclose(filterbank(spec), theirs, atol=1e-8)


def test_mel_scale_equals_librosa() -> None:
    hz = np.array([20.0, 440.0, 999.0, 1000.0, 1001.0, 7600.0])
    assert np.allclose(hz_to_mel(hz), librosa.hz_to_mel(hz))
    assert np.allclose(mel_to_hz(hz_to_mel(hz)), hz)


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large")  # of very short sounds
@pytest.mark.parametrize("samples", [1, 159, 160, 511, 16_000, 160 * BATCH_FRAMES, 16_000 * 7 + 5])
def test_lectern_mel_equals_librosa(samples: int) -> None:
    sound = speechlike(8.0)[:samples]
    power = librosa.feature.melspectrogram(
        y=sound.astype(np.float64), sr=RATE, n_fft=512, win_length=400, hop_length=160, n_mels=80,
        fmin=60, fmax=7600, center=True,
    )  # fmt: skip
    ours = compute_mel(sound, LECTERN_MEL)
    assert ours.dtype == np.float32
    assert ours.shape == (80, LECTERN_MEL.frame_count(samples))
    assert np.abs(ours - np.log(np.maximum(power, 1e-5))).max() < 1e-4


def test_wav2lip_mel_equals_its_formula() -> None:
    sound = speechlike(3.0)
    emphasised = np.append(sound[:1], sound[1:] - 0.97 * sound[:-1]).astype(np.float64)
    amplitude = np.abs(librosa.stft(emphasised, n_fft=800, hop_length=200, win_length=800))
    basis = librosa.filters.mel(sr=RATE, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    db = 20 * np.log10(np.maximum(np.exp(-5 * np.log(10)), basis @ amplitude)) - 20
    expected = np.clip(8 * ((db + 100) / 100) - 4, -4, 4)
    assert np.abs(compute_mel(sound, WAV2LIP_MEL) - expected).max() < 1e-4


@pytest.mark.parametrize("spec", [LECTERN_MEL, WAV2LIP_MEL])
@pytest.mark.parametrize("sizes", [[1000], [7, 0, 333, 50_000], [160], [1, 2, 3, 40_961]])
def test_result_does_not_depend_on_the_blocks(spec: MelSpec, sizes: list[int]) -> None:
    sound = speechlike(9.3)
    pieces = list(mel_blocks(chop(sound, sizes), spec))
    assert max(piece.shape[1] for piece in pieces) <= BATCH_FRAMES
    assert np.array_equal(np.concatenate(pieces, axis=1), compute_mel(sound, spec))


def test_no_samples_give_no_frames() -> None:
    assert list(mel_blocks([], LECTERN_MEL)) == []
    assert compute_mel(np.zeros(0, np.float32), LECTERN_MEL).shape == (80, 0)


def test_digital_silence_is_the_floor() -> None:
    assert np.allclose(compute_mel(np.zeros(4000, np.float32), LECTERN_MEL), np.log(1e-5))
    assert np.all(compute_mel(np.zeros(4000, np.float32), WAV2LIP_MEL) == -4.0)


def test_memory_does_not_grow_with_length() -> None:
    """Twenty minutes are processed while only one batch is held."""
    import tracemalloc

    block = speechlike(1.0)
    frames = peak = 0
    tracemalloc.start()
    for piece in mel_blocks((block for _ in range(1200)), LECTERN_MEL):
        frames += piece.shape[1]
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frames == LECTERN_MEL.frame_count(1200 * RATE)
    assert peak < 12 << 20
