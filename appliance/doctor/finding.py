"""A finding of the doctor and its levels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from appliance.doctor.texts import TEXTS
from appliance.errors import LecternError
from appliance.messages import MESSAGES, Message

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """A finding: ``code`` selects its text, ``details`` fill the placeholders.

    ``ok`` needs no action, ``warn`` is a problem that does not prevent rendering, ``fail`` prevents
    it. An unknown code is a programming error and raises ``KeyError`` on construction.
    """

    level: Level
    code: str
    details: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.text()

    def text(self, language: str = "en") -> str:
        """Return the finding in one sentence."""
        return self._message().text[language].format_map(self.details)

    def cure(self, language: str = "en") -> str:
        """Return the suggested fix in one sentence; empty for ``ok``."""
        if self.level == "ok":
            return ""
        return self._message().cure[language].format_map(self.details)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values with the texts in both languages; ``cure`` is empty for ``ok``."""
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


def ok(code: str, **details: object) -> Finding:
    """Return a finding of level ``ok``: no action is needed."""
    return Finding("ok", code, _to_single_line(details))


def warn(code: str, **details: object) -> Finding:
    """Return a finding of level ``warn``: a problem that does not prevent rendering."""
    return Finding("warn", code, _to_single_line(details))


def fail(code: str, **details: object) -> Finding:
    """Return a finding of level ``fail``: a problem that prevents rendering."""
    return Finding("fail", code, _to_single_line(details))


def from_error(error: LecternError, level: Level = "fail") -> Finding:
    """Return ``error`` as a finding with the error's own text."""
    return Finding(level, error.code, dict(error.details))


def _to_single_line(details: dict[str, object]) -> dict[str, str]:
    """Return ``details`` as text; control characters become spaces, so each stays on one line."""
    return {k: "".join(c if c.isprintable() else " " for c in str(v)) for k, v in details.items()}
