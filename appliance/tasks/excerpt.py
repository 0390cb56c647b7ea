"""Cuts an excerpt of a few seconds from a lecture, for a preview."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from appliance.errors import BadInput
from appliance.media.audio import audio_blocks
from appliance.render.narration import is_text
from appliance.speech.document import read_document
from appliance.tasks.estimates import text_between

LENGTH_S = 3.0
_RATE = 48_000


def cut_excerpt(lecture: Path, at_s: float, folder: Path) -> Path:
    """Write an excerpt of ``lecture`` of ``LENGTH_S`` seconds from ``at_s`` on and return its path.

    It is a WAV file (mono, 48 kHz) or, for a text, a text file of about that length, in ``folder``.
    If the lecture ends earlier, the excerpt is its last seconds. Raises ``BadInput``.
    """
    if is_text(lecture):
        path = folder / "excerpt.txt"
        words = text_between(read_document(lecture).text, at_s, at_s + LENGTH_S)
        path.write_text(words, encoding="utf-8")
        return path
    return _cut_recording(lecture, at_s, folder / "excerpt.wav")


def _cut_recording(lecture: Path, at_s: float, target: Path) -> Path:
    start, size = round(at_s * _RATE), round(LENGTH_S * _RATE)
    window, begin = np.zeros(0, np.float32), 0
    for block in audio_blocks(lecture, _RATE, 1.0):
        window = np.concatenate([window, block])
        if len(window) > size and begin + len(window) - size < start:
            begin += len(window) - size
            window = window[-size:]
        if begin + len(window) >= start + size:
            break
    first = min(max(start - begin, 0), max(len(window) - size, 0))
    samples = window[first : first + size]
    if not len(samples):
        raise BadInput("audio_missing", name=lecture.name)
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return target
