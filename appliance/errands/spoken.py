"""Estimates how long a text takes to speak, and which words fall into a period."""

from __future__ import annotations

import re

_WIDE = 0x2E80  # from this code point on, most characters are syllables
_LETTERS_S = 15.0
_SYLLABLES_S = 4.5
"""Syllables spoken per second at normal speed, roughly; ``_LETTERS_S`` is the same for letters."""


def spoken_s(text: str) -> float:
    """Return the estimated seconds that ``text`` takes at normal speed."""
    return sum(map(_letter_s, text))


def letters_in(text: str, start_s: float, stop_s: float) -> str:
    """Return the words of ``text`` that are spoken between two times, roughly.

    If the text ends earlier, these are its last words.
    """
    length = stop_s - start_s
    start_s = max(min(start_s, spoken_s(text) - length), 0.0)
    at, taken = 0.0, []
    for word in re.findall(rf"[^\s{chr(_WIDE)}-\U0010ffff]+\s*|.\s*", text, re.DOTALL):
        if start_s <= at < start_s + length:
            taken.append(word)
        at += spoken_s(word)
    return "".join(taken)


def _letter_s(letter: str) -> float:
    if letter.isspace():
        return 0.0
    return 1 / (_SYLLABLES_S if ord(letter) >= _WIDE else _LETTERS_S)
