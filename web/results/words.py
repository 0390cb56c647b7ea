"""What a finished video is worth, read from its report, in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from web.api.schemas import Moment, Sentence, Verdict
from web.i18n import _

GRADES = ("good", "check", "poor")
MAX_WARNINGS = 20
MAX_REPORT_BYTES = 8 << 20

UNKNOWN = Verdict(grade=None, reasons=[], moments=[], warnings=[])
"""Of a video that was not measured, or whose report cannot be read."""


def verdict_of(report: Path | None) -> Verdict:
    """The verdict in the reader's language."""
    data = read_report(report)
    found = _part(_part(data, "score"), "verdict")
    grade = found.get("grade")
    return Verdict(
        grade=grade if grade in GRADES else None,
        reasons=[
            Sentence(code=item["code"], text=sentence(item["code"], item["text"]))
            for item in _told(found, "reasons")
        ],
        moments=_moments(found, "moments")[:5],
        warnings=_moments(data, "warnings")[:MAX_WARNINGS],
    )


def sentence(code: str, english: str) -> str:
    """What a code of a report means; ``english``, the report's own words, for an unknown one."""
    return {
        "face_missing": _("There is no face in part of the video."),
        "mouth_still": _("Somebody speaks, but the mouth does not move."),
        "mouth_late": _("The mouth moves too late."),
        "mouth_early": _("The mouth moves too early."),
        "sync_weak": _("The mouth follows the speech only loosely."),
        "open_in_silence": _("The mouth stays open in pauses."),
        "restless": _("The mouth trembles in pauses."),
        "blurred": _("The mouth is less sharp than the face around it."),
        "seam": _("An edge may show around the mouth."),
        "outside": _("The picture differs from the presenter's beyond the mouth."),
        "no_face": _("No face was seen from here on, so the picture was left as it is."),
        "turned_away": _("The face turned away from here on, so the picture was left as it is."),
        "no_speech": _("Nobody seems to speak in this recording, so the mouth stays shut."),
        "words_left_out": _(
            "Words were left out here: no voice on this machine reads their script."
        ),
    }.get(code, english)


def read_report(report: Path | None) -> Mapping[str, Any]:
    """The report; empty where there is none that can be read."""
    try:
        if report is None or report.stat().st_size > MAX_REPORT_BYTES:
            return {}
        data = json.loads(report.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _moments(data: Mapping[str, Any], name: str) -> list[Moment]:
    return [
        Moment(at_s=item["at_s"], code=item["code"], text=sentence(item["code"], item["text"]))
        for item in _told(data, name)
        if isinstance(item.get("at_s"), (int, float)) and item["at_s"] >= 0
    ]


def _told(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = data.get(name)
    return [
        item
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
        and isinstance(item.get("code"), str)
        and isinstance(item.get("text"), str)
    ]


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}
