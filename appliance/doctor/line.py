"""One finding of the doctor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from appliance.doctor.texts import TEXTS
from appliance.errors import LecternError
from appliance.messages import MESSAGES, Message

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Line:
    """What was found: ``code`` names the sentence, ``details`` fill it.

    ``ok`` needs nothing, ``warn`` works less well than it could, ``fail`` keeps videos from being
    made. An unknown code is a programming error and raises ``KeyError`` at once.
    """

    level: Level
    code: str
    details: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.text()

    def text(self, language: str = "en") -> str:
        """What was found, in one sentence."""
        return self._message().text[language].format_map(self.details)

    def cure(self, language: str = "en") -> str:
        """What to do about it, in one sentence; empty where nothing is to be done."""
        if self.level == "ok":
            return ""
        return self._message().cure[language].format_map(self.details)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: both languages, so that the panel can show either; no cure where none is."""
        languages = ("en", "zh")
        return {
            "level": self.level,
            "code": self.code,
            "details": self.details,
            "text": {language: self.text(language) for language in languages},
            "cure": {
                language: self.cure(language) for language in languages if self.cure(language)
            },
        }

    def _message(self) -> Message:
        return TEXTS.get(self.code) or MESSAGES[self.code]


def ok(code: str, **details: object) -> Line:
    """All is well."""
    return Line("ok", code, _words(details))


def warn(code: str, **details: object) -> Line:
    """It works less well than it could."""
    return Line("warn", code, _words(details))


def fail(code: str, **details: object) -> Line:
    """It keeps videos from being made."""
    return Line("fail", code, _words(details))


def of_error(error: LecternError, level: Level = "fail") -> Line:
    """An error of the software as a finding, in its own words."""
    return Line(level, error.code, dict(error.details))


def _words(details: dict[str, object]) -> dict[str, str]:
    """Control characters must not break the one line that a finding is."""
    return {k: "".join(c if c.isprintable() else " " for c in str(v)) for k, v in details.items()}
