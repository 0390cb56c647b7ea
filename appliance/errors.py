"""Every failure a person can meet, with a stable code, what happened and what to do.

    LecternError
    ├── BadInput      the material or the command is at fault   (exit 2)
    └── Fault         the box or our own software is at fault   (exit 1)
        └── Cancelled the person asked to stop                  (exit 130)

The texts live in :mod:`appliance.messages`, in English and Chinese, keyed by code, so that the
terminal, the reason file and the panel say the same thing.
"""

from __future__ import annotations

from appliance.messages import MESSAGES


class LecternError(Exception):
    """A failure with a code that programs may rely on and a sentence that people can act on.

    ``details`` fill the placeholders of the catalogue's texts; an unknown code is a programming
    error and raises ``KeyError`` at once, so that no failure ever reaches a person without a cure.
    """

    exit_status = 1

    def __init__(self, code: str, **details: object) -> None:
        MESSAGES[code]
        super().__init__(code)
        self.code = code
        self.details = {name: _one_line(value) for name, value in details.items()}

    def text(self, language: str = "en") -> str:
        """What happened, in one sentence. ``language`` is ``en`` or ``zh``."""
        return MESSAGES[self.code].text[language].format_map(self.details)

    def cure(self, language: str = "en") -> str:
        """What to do about it, in one sentence. ``language`` is ``en`` or ``zh``."""
        return MESSAGES[self.code].cure[language].format_map(self.details)

    def __str__(self) -> str:
        return f"{self.code}: {self.text()} {self.cure()}"


class BadInput(LecternError):
    """The presenter, the lecture, the config or the command line cannot be used as it is."""

    exit_status = 2


class Fault(LecternError):
    """The machine, the installation or Lectern itself failed; the input may be fine."""


class Cancelled(Fault):
    """The person interrupted the work; nothing half-made is left behind."""

    exit_status = 130


def _one_line(value: object) -> str:
    """Control characters (a file name may hold a newline) must not break the one sentence."""
    return "".join(c if c.isprintable() else "�" for c in str(value))
