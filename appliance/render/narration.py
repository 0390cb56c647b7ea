"""A lecture given as text: synthesize its speech and its subtitles into the workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.config import SpeechConfig
from appliance.errors import BadInput
from appliance.files.atomic import translate_write_errors, write_text
from appliance.media.subtitles import Cue, Subtitles
from appliance.render.notices import Notice
from appliance.speech.document import SUFFIXES, read_document

AUDIO_FILE, CUES_FILE = "voice.wav", "voice.json"
Gate = npt.NDArray[np.float32]
_MAX_LISTED = 20  # things that one warning names


def is_text(lecture: Path) -> bool:
    """Return whether ``lecture`` is a text, by its suffix."""
    return lecture.suffix.lower() in SUFFIXES


def synthesize_lecture(
    text: Path, folder: Path, settings: SpeechConfig, on_progress: Callable[[int, int], None]
) -> Path:
    """Synthesize the speech of ``text`` into ``folder`` and return the path of the audio file.

    ``on_progress`` is called with the characters spoken so far and in total. Raises ``BadInput``
    (see :func:`~appliance.speech.document.read_document` and
    :func:`~appliance.speech.tts.synthesize`) and ``Fault("disk_full")``.
    """
    # imported here: it takes half a second that recordings do not need
    from appliance.speech.cues import make_cues
    from appliance.speech.tts import synthesize

    (content, left_out), voice, speed = read_document(text), settings.voice, settings.speed
    audio_path = folder / AUDIO_FILE
    with translate_write_errors(audio_path):
        speech = synthesize(
            content, voice, out_wav=audio_path, speed=speed, on_progress=on_progress
        )
        cues = [(cue.start, cue.end, cue.text) for cue in make_cues(speech)]
        saved = {
            "language": speech.language,
            "cues": cues,
            "unread": speech.unread,
            "left_out": left_out,
        }
        write_text(folder / CUES_FILE, json.dumps(saved))
    return speech.path


def save_transcript(transcript: Path, gate: Gate, folder: Path) -> list[Notice]:
    """Save the subtitles of a recording, so that :func:`subtitles_in` returns them.

    ``gate`` is the recording's speech activity at 100 Hz. Returns what the user should know: a
    transcript that cannot be used ends no lecture.
    """
    from appliance.speech.transcript import read_transcript

    try:
        subtitles = read_transcript(transcript, gate)
    except BadInput as error:
        details = {"name": transcript.name, "reason": error.text().rstrip(".")}
        return [Notice("transcript_unusable", 0.0, details)]
    cues = [(cue.start, cue.end, cue.text) for cue in subtitles.cues]
    saved = {"language": subtitles.language, "cues": cues, "unread": [], "left_out": []}
    write_text(folder / CUES_FILE, json.dumps(saved))
    if is_text(transcript):
        return [Notice("subtitles_estimated", 0.0, {"name": transcript.name})]
    return []


def subtitles_in(folder: Path) -> Subtitles | None:
    """Return the subtitles that were saved; ``None`` for a recording without a transcript."""
    saved = _load_saved(folder)
    if saved is None:
        return None
    return Subtitles(tuple(Cue(*cue) for cue in saved["cues"]), saved["language"])


def unread_notices(folder: Path) -> list[Notice]:
    """Return what :func:`synthesize_lecture` could not read aloud or left out as markup."""
    saved = _load_saved(folder)
    if saved is None:
        return []
    notices = [Notice("text_skipped", at_s, {"words": words}) for at_s, words in saved["unread"]]
    if saved["left_out"]:
        notices.append(Notice("markup_left_out", 0.0, {"words": _listed(saved["left_out"])}))
    return notices


def _listed(parts: list[str]) -> str:
    unique = list(dict.fromkeys(parts))
    return " ".join(unique[:_MAX_LISTED]) + (" …" if len(unique) > _MAX_LISTED else "")


def _load_saved(folder: Path) -> dict[str, Any] | None:
    try:
        saved: dict[str, Any] = json.loads((folder / CUES_FILE).read_bytes())
    except FileNotFoundError:
        return None
    return saved
