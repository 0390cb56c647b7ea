"""Make subtitles of synthesized speech: no more than two short lines at a time.

A sentence that is too long for two lines is split, preferably after a comma, and shown in sync with
the audio. The voice pauses at such positions, so each split is at the quietest moment near the time
expected from the number of letters.
"""

from __future__ import annotations

import re
import unicodedata
import wave
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from appliance.media.subtitles import Cue
from appliance.speech.tts import Sentence, SynthesizedSpeech

Levels = npt.NDArray[np.float64]

LINE_COLUMNS = 42
"""Maximum width of a line in half-width columns, as used by broadcasters; a Chinese character takes
two columns."""

_MIN_DURATION_S = 1.0  # a shorter display time cannot be read
_HOP_S = 0.01
_SMOOTH_HOPS = 5  # hops
_SEARCH_S = 1.0  # maximum distance of a pause from the expected time
_DB_PER_S = 25.0  # penalty for the distance: a deeper pause may be further away
_PUNCTUATION = "，、；：。！？,;:.!?—–…"
# Letters by width in columns: a Chinese character is a syllable, about three letters.
_LETTERS_PER_CHAR = {2: 3.0, 1: 1.0}


def make_cues(speech: SynthesizedSpeech) -> tuple[Cue, ...]:
    """Return the subtitles of ``speech``, in order; reads its audio sentence by sentence."""
    cues: list[Cue] = []
    with wave.open(str(speech.path), "rb") as sound:
        for sentence in speech.sentences:
            parts = split_text(sentence.text)
            edges = _part_times(sound, sentence, parts)
            for part, (start, end) in zip(parts, pairwise(edges), strict=True):
                cues.append(Cue(start, end, "\n".join(part)))
    return tuple(_extend_short(cues))


def split_text(text: str) -> list[tuple[str, ...]]:
    """Split ``text`` into parts of one or two lines, none wider than ``LINE_COLUMNS``."""
    parts: list[tuple[str, ...]] = []
    # Long words may leave lines partly empty; then the parts are made shorter.
    for columns in range(2 * LINE_COLUMNS, LINE_COLUMNS - 1, -6):
        parts = [tuple(_wrap(part, LINE_COLUMNS)) for part in _wrap(text, columns)]
        if max(map(len, parts), default=0) <= 2:
            break
    return parts


def _wrap(text: str, columns: int) -> list[str]:
    """Split ``text`` into as few pieces of at most ``columns`` as possible, of similar width."""
    rest = " ".join(text.split())
    pieces = []
    while _columns(rest) > columns:
        count = -(-_columns(rest) // columns)
        cut = _best_cut(rest, _columns(rest) - (count - 1) * columns, columns)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest else pieces


def _best_cut(text: str, min_columns: int, columns: int) -> int:
    """Return the index in ``text`` at which the next piece begins.

    It is within ``columns`` and, if possible, not before ``min_columns``, so that no more pieces
    than necessary result.
    """
    target = (min_columns + columns) / 2
    best, best_index, width = -np.inf, 1, 0
    for index, char in enumerate(text):
        width += _width(char)
        if width > columns and index:
            break
        after = text[index + 1 : index + 2]
        if not after or after in _PUNCTUATION:
            continue
        score = -abs(width - target) / columns - (2.0 if width < min_columns else 0.0)
        if char in _PUNCTUATION and (after == " " or _width(char) == 2):
            score += 0.5
        elif char != " " and after == " ":
            score += 0.0
        elif _width(char) == 2 and _width(after) == 2:
            score -= 0.25
        else:
            score -= 5.0  # inside a word: the last resort
        if score > best:
            best, best_index = score, index + 1
    return best_index


def _columns(text: str) -> int:
    return sum(map(_width, text))


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _part_times(
    sound: wave.Wave_read, sentence: Sentence, parts: Sequence[tuple[str, ...]]
) -> list[float]:
    """Return the start times in seconds of all parts, and the end of the last one."""
    if len(parts) == 1:
        return [sentence.start, sentence.end]
    weights = np.array([speaking_weight("".join(part)) for part in parts])
    length = sentence.end - sentence.start
    expected = np.cumsum(weights)[:-1] / weights.sum() * length
    levels = _sentence_levels(sound, sentence)
    edges = [0.0]
    for at in expected:
        edges.append(max(_find_pause(levels, float(at)), edges[-1] + _HOP_S))
    return [*(sentence.start + edge for edge in edges), sentence.end]


def speaking_weight(text: str) -> float:
    """Estimate how long a text takes to say, in letters; punctuation adds a pause."""
    letters = sum(_LETTERS_PER_CHAR.get(_width(char), 0.0) for char in text if char.isalnum())
    return letters + 2.0 * len(re.findall(f"[{_PUNCTUATION}]", text)) + 1.0


def _sentence_levels(sound: wave.Wave_read, sentence: Sentence) -> Levels:
    """Return the smoothed level of the sentence in dB, every ``_HOP_S``."""
    rate = sound.getframerate()
    start, end = round(sentence.start * rate), round(sentence.end * rate)
    sound.setpos(start)
    pcm = np.frombuffer(sound.readframes(end - start), "<i2").astype(np.float64)
    hop = round(_HOP_S * rate)
    power = (pcm[: len(pcm) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    window = np.ones(_SMOOTH_HOPS) / _SMOOTH_HOPS
    return np.asarray(10 * np.log10(np.convolve(power, window, "same") + 1.0))


def _find_pause(levels: Levels, expected_s: float) -> float:
    """Return the quietest moment near ``expected_s``; distance counts against it."""
    times = np.arange(len(levels)) * _HOP_S + _HOP_S / 2
    distance = np.abs(times - expected_s)
    near = np.flatnonzero(distance <= _SEARCH_S)
    if not len(near):
        return expected_s
    return float(times[near[np.argmin(levels[near] + _DB_PER_S * distance[near])]])


def _extend_short(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Extend cues that are too short to be read, at most to the start of the next one."""
    for cue, later in zip(cues, [*cues[1:], None], strict=True):
        end = max(cue.end, cue.start + _MIN_DURATION_S)
        limit = cue.end if later is None else later.start  # the audio ends with the last cue
        yield Cue(cue.start, min(end, limit), cue.text)
