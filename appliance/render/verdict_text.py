"""The verdict on a finished video as a text for people who see only the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from appliance.files.names import verdict_picture_suffix
from appliance.messages.score import GRADES, REASONS, UNMEASURED

_HEADINGS = {"en": ("Quality", "Picture"), "zh": ("质量", "图片")}
_LANGUAGES = ("en", "zh")


def verdict_text(score: Mapping[str, Any]) -> str:
    """Return the verdict of a score (``Score.as_dict``) in English and Chinese.

    An empty ``score`` is that of a video that could not be measured.
    """
    verdict = score.get("verdict") or {
        "grade": "not_measured", "reasons": [], "unmeasured": [{"code": "score_missing"}],
    }  # fmt: skip
    return "\n".join("\n".join(_lines(verdict, language)) + "\n" for language in _LANGUAGES)


def _lines(verdict: Mapping[str, Any], language: str) -> Iterator[str]:
    quality, picture = _HEADINGS[language]
    colon = ": " if language == "en" else "："
    yield f"{quality}{colon}{GRADES[verdict['grade']][language]}"
    for reason in verdict["reasons"]:
        line = f"- {REASONS[reason['code']][language]}"
        if reason["start_s"] is not None:
            line += f" [{_clock(reason['start_s'])}–{_clock(reason['stop_s'])}]"
        if reason["picture"] is not None:
            name = verdict_picture_suffix(reason["picture"])
            line += f" ({picture}{colon}*{name})"
        yield line
    for item in verdict["unmeasured"]:
        yield f"- {UNMEASURED[item['code']][language]}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
