"""espeak-ng through its C library, because only the library reports the times of the phonemes."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import numpy as np

from export_tools.phonetics.ipa import STOPS, ipa_parts

# speak_lib.h
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA = 1, 2
_EVENT_END_OF_LIST, _EVENT_PHONEME = 0, 7
_CHARS_UTF8, _POS_CHARACTER = 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4

# The closure of a word-initial stop is reported as a pause before it; a longer gap is a pause.
CLOSURE_S = 0.09

# Male, female, old and synthetic voices, without effects (robots, whispers, croaks).
_VARIANTS = (
    "f1 f2 f3 f4 f5 m1 m2 m3 m4 m5 m6 m7 m8 Alex Alicia Andrea Andy Annie Denis Diogo Gene "
    "Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen Storm adam anika announcer antonio "
    "aunty belinda benjamin boris caleb david ed edward grandma grandpa gustave iven iven2 john "
    "kaukovalta klatt2 klatt3 klatt4 linda marcelo max michel miguel norbert pablo paul pedro "
    "quincy rob robert sandro shelby steph steph2 travis victor zac"
)


def training_voices() -> list[str]:
    """Return the voice variants used for training."""
    return _VARIANTS.split()


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Espeak:
    """The synthesizer; create only one, because the library has global state."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise OSError("libespeak-ng is not installed")
        self._library = ctypes.CDLL(name)
        self.rate = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, None, _PHONEME_EVENTS | _PHONEME_IPA
        )
        self._sound: list[Any] = []
        self._marks: list[tuple[str, float]] = []
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip

    def _collect(self, sound: Any, count: int, events: Any) -> int:
        if count > 0:
            self._sound.append(np.ctypeslib.as_array(sound, (count,)).copy())
        index = 0
        while events[index].type != _EVENT_END_OF_LIST:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                symbol = bytes(event.id.string).decode("utf-8", "ignore")
                self._marks.append((symbol, event.sample / self.rate))
            index += 1
        return 0

    def speak(
        self, text: str, voice: str, speed: int, pitch: int, pitch_range: int
    ) -> tuple[np.ndarray[Any, np.dtype[np.int16]], list[tuple[str, float, float]]]:
        """Return int16 samples and the classes with start and end in seconds.

        ``speed`` is in words per minute; ``pitch`` and ``pitch_range`` are 0-100. Raises
        ``ValueError`` if the voice is not installed.
        """
        self._sound, self._marks = [], []
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(voice)
        for parameter, value in ((_RATE, speed), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        self._library.espeak_Synth(
            data, len(data) + 1, 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        samples = np.concatenate(self._sound) if self._sound else np.zeros(0, np.int16)
        ends = [start for _, start in self._marks[1:]] + [len(samples) / self.rate]
        marks = [(s, a, b) for (s, a), b in zip(self._marks, ends, strict=True) if b > a]
        return samples, classes_of(marks, english=voice.startswith("en"))


def classes_of(
    marks: list[tuple[str, float, float]], english: bool
) -> list[tuple[str, float, float]]:
    """Convert timed IPA symbols to timed classes; gaps become silence or the closure of a stop."""
    out: list[tuple[str, float, float]] = []
    pause: float | None = None  # start of the current gap
    for symbol, start, end in marks:
        # "(en)" marks a word that is read by the rules of another language.
        parts = None if symbol.startswith("(") else ipa_parts(symbol, english)
        if parts is None:
            pause = start if pause is None else pause
            continue
        begin = start
        if pause is not None:
            if symbol[0] in STOPS and start - pause <= CLOSURE_S:
                begin = pause
            else:
                out.append(("SIL", round(pause, 4), round(start, 4)))
            pause = None
        clock = begin
        for name, share in parts:
            out.append((name, round(clock, 4), round(clock + share * (end - begin), 4)))
            clock += share * (end - begin)
    return out
