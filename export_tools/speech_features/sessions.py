"""Synthesize sessions of speech, pauses, music and noise, with exactly known times.

A session is a sequence of utterances in several languages by espeak-ng and hibari-tts, with pauses
between them. Many pauses contain tones or noise, and some sessions have a background or an echo.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft

from appliance.speech.log_mel import WHISPER_MEL
from export_tools.phonetics import augment
from export_tools.phonetics.espeak import Espeak, training_voices
from export_tools.phonetics.hibari_timed import TimedHibari
from export_tools.phonetics.synth import Phones
from export_tools.speech_features import degrade, languages

Array32 = npt.NDArray[np.float32]
Spans = list[tuple[float, float]]

RATE = WHISPER_MEL.rate
HIBARI = "hibari"  # English by hibari-tts
SHARES = {
    "zh": 0.22, "fr": 0.16, "de": 0.16, "en_GB": 0.16, "es": 0.06, "it": 0.05, "pt": 0.04,
    "nl": 0.03, "pl": 0.03, "ru": 0.03, HIBARI: 0.06,
}  # fmt: skip
_VOICES = {language: voices for language, voices, _ in reversed(languages.LANGUAGES)}
_VOICES["zh"] = ("cmn-latn-pinyin",)  # the only voice whose phonemes are known by ``espeak``
_PAUSE_S = (0.2, 1.5)
_FILLED_PAUSE_S = (1.0, 3.0)
_TONES_SHARE, _NOISE_SHARE = 0.25, 0.15
_ATTEMPTS = 20  # some variants of voices are missing in some versions of espeak-ng
_CLOSED = "P"


@dataclass(frozen=True)
class Session:
    """``samples`` (n,) float32 at 16 kHz; spans in seconds of ``speech`` and of p, b and m."""

    samples: Array32
    speech: Spans
    shut: Spans


class SessionMaker:
    """Makes sessions; all random values come from ``seed``. Needs espeak-ng and hibari-tts."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._numbers = np.random.default_rng(seed)
        self._espeak, self._hibari = Espeak(), TimedHibari()

    def make(self, seconds: float, language: str | None = None, *, clean: bool = False) -> Session:
        """Return a session of at least ``seconds``, ``clean`` without tones, noise and echo."""
        parts: list[Array32] = []
        speech: Spans = []
        shut: Spans = []
        count = 0
        while count < seconds * RATE:
            parts.append(self._pause(clean))
            count += len(parts[-1])
            samples, phones = self._utterance(language)
            start = count / RATE
            spoken = [(name, start + a, start + b) for name, a, b in phones if name != "SIL"]
            speech += [(a, b) for _, a, b in spoken]
            shut += [(a, b) for name, a, b in spoken if name == _CLOSED]
            parts.append(np.float32(self._random.uniform(0.3, 1.5)) * samples)
            count += len(samples)
        whole = np.concatenate([*parts, np.zeros(RATE, np.float32)])
        if not clean:
            whole = degrade.add_background(whole, np.zeros_like(whole), self._numbers)
        return Session(whole, speech, shut)

    def _pause(self, clean: bool) -> Array32:
        kind = 1.0 if clean else self._random.random()
        filled = kind < _TONES_SHARE + _NOISE_SHARE
        count = int(RATE * self._random.uniform(*(_FILLED_PAUSE_S if filled else _PAUSE_S)))
        if not filled:
            return np.zeros(count, np.float32)
        if kind < _TONES_SHARE:
            sound, level = degrade.tones(count, self._numbers), self._random.uniform(0.02, 0.2)
        else:
            spectrum = augment.noise_spectrum(self._numbers, count // 2 + 1)
            sound, level = scipy.fft.irfft(spectrum, count), self._random.uniform(0.003, 0.1)
        deviation = float(np.sqrt(np.mean(sound**2))) + 1e-6
        return np.asarray(sound * (level / deviation), np.float32)

    def _utterance(self, language: str | None) -> tuple[Array32, Phones]:
        chosen = language or self._random.choices(list(SHARES), list(SHARES.values()))[0]
        if chosen == HIBARI:
            text = languages.random_sentence("en_GB", self._random)
            speed = self._random.uniform(0.85, 1.2)
            samples, phones = self._hibari.speak(text, speed, 0)
            return _resample(samples, self._hibari.rate), phones
        for _ in range(_ATTEMPTS):
            voice = self._random.choice(_VOICES[chosen])
            try:
                samples, phones = self._espeak.speak(
                    languages.random_sentence(chosen, self._random),
                    f"{voice}+{self._random.choice(training_voices())}",
                    self._random.randint(120, 220),
                    self._random.randint(10, 90),
                    self._random.randint(20, 90),
                )
            except ValueError:
                continue
            return _resample(samples, self._espeak.rate), phones
        raise ValueError(f"espeak-ng has no voice for {chosen}")


def _resample(samples: npt.NDArray[np.int16], rate: int) -> Array32:
    count = round(len(samples) * RATE / rate)
    return np.asarray(augment.resample(samples.astype(np.float32) / 32768.0, count), np.float32)
