"""Cuts an excerpt of a few seconds from a lecture, for a preview."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from appliance.errands.spoken import letters_in
from appliance.errors import BadInput
from appliance.media.audio import audio_blocks
from appliance.render.voice import is_text
from appliance.speech.document import read_document

LENGTH_S = 3.0
_RATE = 48_000


def excerpt(lecture: Path, at_s: float, folder: Path) -> Path:
    """Write an excerpt of ``lecture`` of ``LENGTH_S`` seconds from ``at_s`` on and return its path.

    It is a WAV file (mono, 48 kHz) or, of a text, a text file of about that length, in ``folder``.
    A lecture that ends earlier yields its last seconds. Raises ``BadInput``.
    """
    if is_text(lecture):
        path = folder / "excerpt.txt"
        words = letters_in(read_document(lecture), at_s, at_s + LENGTH_S)
        path.write_text(words, encoding="utf-8")
        return path
    return _cut(lecture, at_s, folder / "excerpt.wav")


def _cut(lecture: Path, at_s: float, target: Path) -> Path:
    start, size = round(at_s * _RATE), round(LENGTH_S * _RATE)
    held, begin = np.zeros(0, np.float32), 0
    for block in audio_blocks(lecture, _RATE, 1.0):
        held = np.concatenate([held, block])
        if len(held) > size and begin + len(held) - size < start:
            begin += len(held) - size
            held = held[-size:]
        if begin + len(held) >= start + size:
            break
    first = min(max(start - begin, 0), max(len(held) - size, 0))
    samples = held[first : first + size]
    if not len(samples):
        raise BadInput("audio_missing", name=lecture.name)
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return target
