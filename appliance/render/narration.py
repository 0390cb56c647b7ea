"""A lecture given as text: synthesize its speech and its subtitles into the workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.files.atomic import translate_write_errors, write_text
from appliance.media.subtitles import Cue, Subtitles
from appliance.speech.document import SUFFIXES, read_document

AUDIO_FILE, CUES_FILE = "voice.wav", "voice.json"


def is_text(lecture: Path) -> bool:
    """Return whether ``lecture`` is a text, by its suffix."""
    return lecture.suffix.lower() in SUFFIXES


def synthesize_lecture(
    text: Path, folder: Path, config: Config, on_progress: Callable[[int, int], None]
) -> Path:
    """Synthesize the speech of ``text`` into ``folder`` and return the path of the audio file.

    ``on_progress`` is called with the characters read so far and in total. Raises ``BadInput`` (see
    :func:`~appliance.speech.document.read_document` and :func:`~appliance.speech.tts.synthesize`)
    and ``Fault("disk_full")``.
    """
    # imported here: it takes half a second that recordings do not need
    from appliance.speech.cues import make_cues
    from appliance.speech.tts import synthesize

    content, voice, speed = read_document(text), config.speech.voice, config.speech.speed
    audio_path = folder / AUDIO_FILE
    with translate_write_errors(audio_path):
        speech = synthesize(
            content, voice, out_wav=audio_path, speed=speed, on_progress=on_progress
        )
        cues = [(cue.start, cue.end, cue.text) for cue in make_cues(speech)]
        kept = {"language": speech.language, "cues": cues, "left_out": speech.skipped_s}
        write_text(folder / CUES_FILE, json.dumps(kept))
    return speech.path


def subtitles_in(folder: Path) -> Subtitles | None:
    """Return the subtitles that :func:`synthesize_lecture` saved; ``None`` for a recording."""
    kept = _load_saved(folder)
    if kept is None:
        return None
    return Subtitles(tuple(Cue(*cue) for cue in kept["cues"]), kept["language"])


def skipped_text(folder: Path) -> list[float]:
    """Return the times in seconds at which :func:`synthesize_lecture` had to skip text."""
    kept = _load_saved(folder)
    return kept.get("left_out", []) if kept else []


def _load_saved(folder: Path) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = json.loads((folder / CUES_FILE).read_bytes())
    except FileNotFoundError:
        return None
    return kept
