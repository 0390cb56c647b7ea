"""The quality verdict on a finished video, read from its report and localized."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from web.i18n import _
from web.schemas import LocalizedReason, Moment, Verdict

GRADES = ("good", "check", "poor")
MAX_WARNINGS = 20
MAX_REPORT_BYTES = 8 << 20

NO_VERDICT = Verdict(grade=None, reasons=[], moments=[], warnings=[])
"""Verdict on a video without a score or without a readable report."""


def localized_verdict(report: Path | None) -> Verdict:
    """Return the verdict in the user's language."""
    data = read_report(report)
    found = _mapping(_mapping(data, "score"), "verdict")
    grade = found.get("grade")
    return Verdict(
        grade=grade if grade in GRADES else None,
        reasons=[
            LocalizedReason(code=item["code"], text=localized_sentence(item["code"], item["text"]))
            for item in _valid_items(found, "reasons")
        ],
        moments=_moments(found, "moments")[:5],
        warnings=_moments(data, "warnings")[:MAX_WARNINGS],
    )


def localized_sentence(code: str, english: str) -> str:
    """Return the text of a reason in the user's language, or ``english`` for an unknown code."""
    return {
        "face_missing": _("Part of the video shows no face."),
        "mouth_still": _("There is speech, but the mouth does not move."),
        "mouth_late": _("The mouth moves later than the sound."),
        "mouth_early": _("The mouth moves earlier than the sound."),
        "sync_weak": _("The mouth does not match the speech well."),
        "open_in_silence": _("The mouth stays open during pauses."),
        "restless": _("The mouth trembles during pauses."),
        "blurred": _("The mouth is less sharp than the rest of the face."),
        "seam": _("An edge may be visible around the mouth."),
        "outside": _("Outside the mouth, the picture differs from the original."),
        "no_face": _("No face was found from here on, so the picture was left unchanged."),
        "turned_away": _(
            "The face is turned away from here on, so the picture was left unchanged."
        ),
        "no_speech": _("No speech was found in this recording, so the mouth stays closed."),
        "text_skipped": _(
            "Words were left out here, because no voice on this device can read their script."
        ),
    }.get(code, english)


def read_report(report: Path | None) -> Mapping[str, Any]:
    """Return the report; empty if it does not exist or cannot be read."""
    try:
        if report is None or report.stat().st_size > MAX_REPORT_BYTES:
            return {}
        data = json.loads(report.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _moments(data: Mapping[str, Any], name: str) -> list[Moment]:
    return [
        Moment(
            at_s=item["at_s"],
            code=item["code"],
            text=localized_sentence(item["code"], item["text"]),
        )
        for item in _valid_items(data, name)
        if isinstance(item.get("at_s"), (int, float)) and item["at_s"] >= 0
    ]


def _valid_items(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = data.get(name)
    return [
        item
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
        and isinstance(item.get("code"), str)
        and isinstance(item.get("text"), str)
    ]


def _mapping(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    return part if isinstance(part, dict) else {}
