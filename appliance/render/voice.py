"""A lecture given as text: synthesize its speech and its subtitles into the workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.media.publish import part_of, publish, write_faults
from appliance.media.subtitles import Cue, Subtitles
from appliance.speech.document import SUFFIXES, read_document

SOUND, CUES = "voice.wav", "voice.json"


def is_text(lecture: Path) -> bool:
    """Return whether ``lecture`` is a text, by its suffix."""
    return lecture.suffix.lower() in SUFFIXES


def speak(text: Path, folder: Path, config: Config, listen: Callable[[int, int], None]) -> Path:
    """Synthesize the speech of ``text`` into ``folder`` and return the path of the audio file.

    ``listen`` is called with the characters read so far and in total. Raises ``BadInput`` (see
    :func:`~appliance.speech.document.read_document` and :func:`~appliance.speech.tts.synthesize`)
    and ``Fault("disk_full")``.
    """
    # imported here: it takes half a second that recordings do not need
    from appliance.speech.cues import cues_of
    from appliance.speech.tts import synthesize

    words, voice, speed = read_document(text), config.speech.voice, config.speech.speed
    sound = folder / SOUND
    with write_faults(sound):
        speech = synthesize(words, voice, out_wav=sound, speed=speed, listen=listen)
        cues = [(cue.start, cue.end, cue.text) for cue in cues_of(speech)]
        kept = {"language": speech.language, "cues": cues, "left_out": speech.left_out}
        part_of(folder / CUES).write_text(json.dumps(kept), encoding="utf-8")
        publish(folder / CUES)
    return speech.path


def subtitles_in(folder: Path) -> Subtitles | None:
    """Return the subtitles that :func:`speak` saved; ``None`` for a recording."""
    kept = _kept(folder)
    if kept is None:
        return None
    return Subtitles(tuple(Cue(*cue) for cue in kept["cues"]), kept["language"])


def left_out_in(folder: Path) -> list[float]:
    """Return the times in seconds at which :func:`speak` had to skip text."""
    kept = _kept(folder)
    return kept.get("left_out", []) if kept else []


def _kept(folder: Path) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = json.loads((folder / CUES).read_bytes())
    except FileNotFoundError:
        return None
    return kept
