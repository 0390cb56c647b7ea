"""The gate is closed in silence and noise and open in speech, whatever the block size."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from appliance.speech.mel import LECTERN_MEL, compute_mel, mel_blocks
from appliance.speech.vad import (
    NO_SPEECH_LOUDNESS,
    VoiceActivity,
    VoiceActivityDetector,
    detect_activity,
)

RATE = 16_000
Sound = npt.NDArray[np.float64]
SPEECH_RMS = 0.05  # -26 dBFS


def talk(seconds: float, seed: int) -> Sound:
    """Syllables: a harmonic tone through moving formants, with hisses, at -26 dBFS."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.7 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formant = 900 + 500 * np.sin(2 * np.pi * 2.3 * t + seed)
    sound = np.zeros_like(t)
    for k in range(1, 31):
        sound += np.sin(k * phase) / (1 + ((k * pitch - formant) / 400) ** 2) / k**0.5
    syllables = np.clip(np.sin(2 * np.pi * 3.7 * t), 0, None) ** 0.5
    sound = sound * syllables + rng.normal(0, 0.3, t.size) * (syllables == 0) * (t % 1 < 0.5)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)) * SPEECH_RMS)


def noise(seconds: float, slope: float, rms: float, seed: int = 9) -> Sound:
    """Steady noise whose amplitude falls with frequency to the power of ``slope``."""
    n = int(seconds * RATE)
    hz = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20.0)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=n)) * hz**slope
    sound = np.fft.irfft(spectrum, n)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)) * rms)


def hum(seconds: float, level: float) -> Sound:
    t = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(level * sum(np.sin(2 * np.pi * 50 * k * t) / k for k in (1, 2, 3, 5)))


def lecture(background: Sound | None = None) -> tuple[Sound, list[tuple[float, float]]]:
    """Return three sentences with pauses of 2.5 s, and when there is speech."""
    pause = np.zeros(int(2.5 * RATE))
    sound = np.concatenate([pause, talk(4, 1), pause, talk(3, 2), pause, talk(4, 3), pause])
    if background is not None:
        sound = sound + background[: len(sound)]
    return sound, [(2.5, 6.5), (9.0, 12.0), (14.5, 18.5)]


def analyse(sound: Sound) -> VoiceActivity:
    return detect_activity(mel_blocks([sound.astype(np.float32)], LECTERN_MEL))


BACKGROUNDS = {
    "none": None,
    "white at 15 dB": noise(22, 0.0, SPEECH_RMS * 10 ** (-15 / 20)),
    "pink at 15 dB": noise(22, -0.5, SPEECH_RMS * 10 ** (-15 / 20)),
    "rumble at 15 dB": noise(22, -1.0, SPEECH_RMS * 10 ** (-15 / 20)),
    "fan at -50 dBFS": noise(22, -0.5, 10 ** (-50 / 20)),
    "mains hum": hum(22, 0.003),
    "fan switched on": noise(22, -0.5, 10 ** (-45 / 20)) * (np.arange(22 * RATE) > 8 * RATE),
    "fan switched off": noise(22, -0.5, 10 ** (-45 / 20)) * (np.arange(22 * RATE) < 13 * RATE),
}


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_gate_is_open_in_speech_and_zero_between(background: str) -> None:
    sound, sentences = lecture(BACKGROUNDS[background])
    gate = analyse(sound).gate
    time = np.arange(len(gate)) / 100
    near = np.zeros(len(gate), bool)
    inside = np.zeros(len(gate), bool)
    for start, end in sentences:
        near |= (time > start - 0.25) & (time < end + 0.45)
        inside |= (time > start + 0.1) & (time < end - 0.15)
    assert np.all(gate[~near] == 0.0)
    assert np.mean(gate[inside] > 0.9) > 0.97


@pytest.mark.parametrize("slope", [0.0, -0.5, -1.0])
@pytest.mark.parametrize("level_db", [-70, -50, -10])
def test_noise_alone_does_not_open_the_gate(slope: float, level_db: float) -> None:
    activity = analyse(noise(60, slope, 10 ** (level_db / 20), seed=3))
    assert not activity.gate.any()
    assert np.all(activity.loudness == NO_SPEECH_LOUDNESS)


def test_digital_silence_is_exactly_zero() -> None:
    assert not analyse(np.zeros(10 * RATE)).gate.any()


def test_click_is_not_speech() -> None:
    sound = noise(10, 0.0, 0.001)
    sound[5 * RATE : 5 * RATE + 40] += 0.9
    assert not analyse(sound).gate.any()


def test_gate_and_loudness_do_not_depend_on_the_gain() -> None:
    sound, _ = lecture(noise(22, 0.0, SPEECH_RMS * 10 ** (-25 / 20)))
    loud, soft = analyse(sound), analyse(sound * 10 ** (-14 / 20))
    assert np.mean(np.abs(loud.gate - soft.gate)) < 0.02
    speaking = (loud.gate == 1) & (soft.gate == 1)
    assert np.median(np.abs(loud.loudness - soft.loudness)[speaking]) < 0.05
    assert abs(np.median(loud.loudness[speaking])) < 1.0


def test_sections_of_different_level_have_equal_loudness() -> None:
    quiet = talk(40, 5) * 10 ** (-16 / 20)
    loudness = analyse(np.concatenate([talk(40, 5), quiet])).loudness
    first, second = np.median(loudness[1000:3000]), np.median(loudness[5000:7000])
    assert abs(first - second) < 0.25  # 0.8 without level tracking


def test_gate_ramps_are_smooth() -> None:
    gate = analyse(lecture()[0]).gate
    assert np.abs(np.diff(gate)).max() < 0.2
    assert gate.min() == 0.0
    assert gate.max() == 1.0


def test_result_does_not_depend_on_the_blocks() -> None:
    mel = compute_mel(lecture(BACKGROUNDS["pink at 15 dB"])[0].astype(np.float32), LECTERN_MEL)
    whole = detect_activity([mel])
    meter = VoiceActivityDetector()
    edges = [0, 1, 2, 70, 71, 500, 1333, mel.shape[1]]
    for start, end in itertools.pairwise(edges):
        meter.feed(mel[:, start:end])
    pieces = meter.finish()
    assert np.array_equal(whole.gate, pieces.gate)
    assert np.array_equal(whole.loudness, pieces.loudness)


@pytest.mark.parametrize("samples", [0, 1, 159, 160, 15_999, 16_000])
def test_tracks_have_the_length_of_the_mel(samples: int) -> None:
    activity = analyse(talk(1, 1)[:samples])
    assert activity.gate.shape == activity.loudness.shape == (LECTERN_MEL.frame_count(samples),)
    assert activity.gate.dtype == activity.loudness.dtype == np.float32
