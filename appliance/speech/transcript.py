"""Subtitles of a recording: from a subtitle file, or from a transcript without times.

The times of a transcript are estimated: its sentences are spread over the speech of the recording
by their length, and begin after the nearest pause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from appliance.errors import BadInput
from appliance.media.subtitles import Cue, Subtitles
from appliance.speech.cues import speaking_weight, split_text
from appliance.speech.document import read_document, read_text
from appliance.speech.language_detection import detect_latin_language
from appliance.speech.scripts import main_script
from appliance.speech.sentences import split_paragraphs, split_sentences
from appliance.speech.vad import FRAME_RATE

_LANGUAGES = {"CJK": "zh", "HIRAGANA": "ja", "HANGUL": "ko", "CYRILLIC": "ru", "GREEK": "el",
              "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi"}  # fmt: skip
_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}.*$", re.M)
_TAGS = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_MIN_PAUSE_S = 0.15
_MAX_SHIFT_S = 1.5  # of a sentence's estimated start, to a pause

Gate = npt.NDArray[np.float32]


def read_transcript(path: Path, gate: Gate) -> Subtitles:
    """Return the subtitles in the file ``path`` (.srt, .vtt) or those of a transcript.

    ``gate`` (frames,) is the recording's speech activity, 0..1 at 100 Hz. What is beyond the end of
    the recording is left out. Raises ``BadInput``: the codes of
    :func:`~appliance.speech.document.read_document`, or ``text_empty``.
    """
    if path.suffix.casefold() in (".srt", ".vtt"):
        cues = _parse_cues(path)
    else:
        cues = align_transcript(read_document(path).text, gate)
    end = len(gate) / FRAME_RATE
    kept = tuple(
        Cue(cue.start, min(cue.end, later.start if later else end, end), cue.text)
        for cue, later in zip_longest(cues, cues[1:])
        if cue.start < end
    )
    if not kept:
        raise BadInput("text_empty")
    return Subtitles(kept, _language(" ".join(cue.text for cue in kept)))


def _language(text: str) -> str:
    script = main_script(text)
    return _LANGUAGES.get(script) or detect_latin_language(text)


def _parse_cues(path: Path) -> list[Cue]:
    text = read_text(path)
    found = list(_TIMES.finditer(text))
    cues = []
    for match, later in zip_longest(found, found[1:]):
        body = text[match.end() : later.start() if later else len(text)]
        lines = [_TAGS.sub("", line).strip() for line in body.strip().split("\n\n")[0].split("\n")]
        words = "\n".join(line for line in lines if line)
        start, end = _seconds(match.groups()[:4]), _seconds(match.groups()[4:])
        if words and end > start:
            cues.append(Cue(start, end, words))
    return sorted(cues, key=lambda cue: cue.start)


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = 3600 * int(hours or 0) + 60 * int(minutes or 0) + int(seconds or 0)
    return whole + float(f"0.{fraction or 0}")


def align_transcript(text: str, gate: Gate) -> list[Cue]:
    """Return cues for ``text``, spread over the speech that ``gate`` shows."""
    sentences = [
        sentence for paragraph in split_paragraphs(text) for sentence in split_sentences(paragraph)
    ]
    speech = gate > 0.5
    if not speech.any():
        speech = np.ones(len(gate), np.bool_)
    spoken = np.cumsum(speech)
    weights = np.array([max(speaking_weight(sentence), 1.0) for sentence in sentences])
    shares = np.concatenate([[0.0], np.cumsum(weights) / max(weights.sum(), 1.0)])
    edges = np.searchsorted(spoken, np.maximum(shares * spoken[-1], 1)) / FRAME_RATE
    pauses = _pauses(speech)
    bounds = [(edges[0], edges[0])] + [_snap(float(edge), pauses) for edge in edges[1:-1]]
    bounds.append((edges[-1], edges[-1]))
    cues = []
    for sentence, (before, after) in zip(sentences, pairwise(bounds), strict=True):
        parts = split_text(sentence)
        sizes = np.array([speaking_weight("".join(part)) + 1 for part in parts])
        times = before[1] + np.concatenate([[0], np.cumsum(sizes) / sizes.sum()]) * (
            max(after[0], before[1]) - before[1]
        )
        cues += [
            Cue(float(start), float(end), "\n".join(part))
            for part, (start, end) in zip(parts, pairwise(times), strict=True)
            if end > start
        ]
    return cues


def _pauses(speech: npt.NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Return the start and end in seconds of each pause that is long enough, between speech."""
    steps = np.diff(np.concatenate(([0], (~speech).astype(np.int8), [0])))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [
        (start / FRAME_RATE, end / FRAME_RATE)
        for start, end in zip(starts, ends, strict=True)
        if end - start >= _MIN_PAUSE_S * FRAME_RATE and start > 0 and end < len(speech)
    ]


def _snap(edge: float, pauses: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the pause nearest to ``edge``, or ``edge`` itself if there is none."""

    def distance(pause: tuple[float, float]) -> float:
        return max(pause[0] - edge, edge - pause[1], 0.0)

    nearest = min(pauses, key=distance, default=(edge, edge))
    return nearest if distance(nearest) <= _MAX_SHIFT_S else (edge, edge)
