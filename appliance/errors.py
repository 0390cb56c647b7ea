"""The exceptions that users may see, each with a stable code, what happened and what to do.

    LecternError
    ├── BadInput      the input or the command is wrong       (exit status 2)
    └── Fault         the device or the software has failed   (exit status 1)
        └── Cancelled the user interrupted the work           (exit status 130)

The texts are in :mod:`appliance.messages`, in English and Chinese, keyed by code, so that the
terminal, the reason file and the panel show the same text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.messages import MESSAGES


class LecternError(Exception):
    """Base class of all errors, with a stable code for programs and sentences for users.

    ``details`` fill the placeholders of the texts in the message catalogue. Raises ``KeyError`` for
    an unknown code, which is a programming error: every error that users see must have a cure.
    """

    exit_status = 1

    def __init__(self, code: str, **details: object) -> None:
        MESSAGES[code]
        super().__init__(code)
        self.code = code
        self.details = {name: _printable(value) for name, value in details.items()}

    def text(self, language: str = "en") -> str:
        """Return what happened, in one sentence. ``language`` is ``en`` or ``zh``."""
        return MESSAGES[self.code].text[language].format_map(self.details)

    def cure(self, language: str = "en") -> str:
        """Return what to do about it, in one sentence. ``language`` is ``en`` or ``zh``."""
        return MESSAGES[self.code].cure[language].format_map(self.details)

    def to_dict(self) -> dict[str, Any]:
        """Return the error as JSON-serializable values, to send it to another process."""
        return {"error": self.code, "type": type(self).__name__, "details": self.details}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> LecternError:
        """Restore an error, with its class, from the values of :meth:`to_dict`.

        Raises ``KeyError`` for a missing key, an unknown code or an unknown type.
        """
        return _ERROR_TYPES[values["type"]](values["error"], **values["details"])

    def __str__(self) -> str:
        return f"{self.code}: {self.text()} {self.cure()}"


class BadInput(LecternError):
    """The presenter, the lecture, the configuration or the command line cannot be used."""

    exit_status = 2


class Fault(LecternError):
    """The device, the installation or Lectern itself failed; the input may be correct."""


class Cancelled(Fault):
    """The user interrupted the work; no incomplete files are left behind."""

    exit_status = 130


_ERROR_TYPES = {kind.__name__: kind for kind in (LecternError, BadInput, Fault, Cancelled)}


def _printable(value: object) -> str:
    """Return ``value`` as text without control characters, which file names may contain."""
    return "".join(c if c.isprintable() else "�" for c in str(value))
