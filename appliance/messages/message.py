"""The type of an entry of the catalogue."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """The texts of one error, each a mapping from language (``en``, ``zh``) to a sentence."""

    text: dict[str, str]
    cure: dict[str, str]


def message(text_en: str, cure_en: str, text_zh: str, cure_zh: str) -> Message:
    """Build a message from what happened and what to do, in both languages."""
    return Message({"en": text_en, "zh": text_zh}, {"en": cure_en, "zh": cure_zh})
