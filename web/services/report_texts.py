"""The quality verdict on a finished video, read from its report and localized."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.files.names import MAX_VERDICT_PICTURES
from appliance.messages.score import REASONS, UNMEASURED, WARNINGS
from appliance.system.regular_file import read_regular
from web.i18n import language
from web.schemas import LocalizedReason, Moment, Verdict, VerdictReason

GRADES = ("good", "check", "poor", "not_measured")
SEVERITIES = ("check", "poor")
MAX_WARNINGS = 20
MAX_REPORT_BYTES = 8 << 20


def localized_verdict(report: Path | None) -> Verdict:
    """Return the verdict in the user's language."""
    data = read_report(report)
    found = _mapping(_mapping(data, "score"), "verdict")
    grade = found.get("grade")
    return Verdict(
        grade=grade if grade in GRADES else "not_measured",
        reasons=[_reason(item) for item in _valid_items(found, "reasons")],
        unmeasured=_unmeasured(found),
        moments=_moments(found, "moments")[:5],
        warnings=_moments(data, "warnings")[:MAX_WARNINGS],
    )


def localized_sentence(item: Mapping[str, Any]) -> str:
    """Return the text of a reason or warning of a report in the user's language.

    For an unknown code it is the English text of the report.
    """
    texts = (REASONS | UNMEASURED | WARNINGS).get(item["code"])
    try:
        return texts[language()].format_map(item) if texts else str(item["text"])
    except KeyError:  # a value for the text is missing
        return str(item["text"])


def read_report(report: Path | None) -> Mapping[str, Any]:
    """Return the report; empty if it does not exist or cannot be read."""
    try:
        if report is None:
            return {}
        data = json.loads(read_regular(report, MAX_REPORT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _reason(item: Mapping[str, Any]) -> VerdictReason:
    grade, picture = item.get("grade"), item.get("picture")
    start_s, stop_s = (
        value if isinstance(value, (int, float)) and value >= 0 else None
        for value in (item.get("start_s"), item.get("stop_s"))
    )
    return VerdictReason(
        code=item["code"],
        text=localized_sentence(item),
        grade=grade if grade in SEVERITIES else "check",
        start_s=start_s,
        stop_s=stop_s,
        picture=picture if picture in range(1, MAX_VERDICT_PICTURES + 1) else None,
    )


def _unmeasured(verdict: Mapping[str, Any]) -> list[LocalizedReason]:
    items = _valid_items(verdict, "unmeasured")
    if not verdict:
        items = [{"code": "score_missing", "text": ""}]
    return [LocalizedReason(code=item["code"], text=localized_sentence(item)) for item in items]


def _moments(data: Mapping[str, Any], name: str) -> list[Moment]:
    return [
        Moment(
            at_s=item["at_s"],
            code=item["code"],
            text=localized_sentence(item),
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
