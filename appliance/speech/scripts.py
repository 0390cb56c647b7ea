"""Which script a text is written in, and which words and signs a voice may not know."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable

# A character of these scripts counts as a word, that is, _LETTERS_PER_WORD letters.
_DENSE_SCRIPTS = {"CJK", "HANGUL"}
# The voices of these scripts read Latin words, too.
_EAST_ASIAN_SCRIPTS = ("HIRAGANA", "KATAKANA", "CJK", "HANGUL")
_LETTERS_PER_WORD = 4
_PARTS = re.compile(r"[^\W\d_]+|[^\w\s]")
_DECORATION = frozenset("|~`^´¨¦\u00ad\u200b\u200d\ufe0f\ufeff")  # no reader would speak it


def doubtful_parts(spoken: str) -> list[str]:
    """Return the words in other scripts than Latin and the signs that a voice may not know."""
    return [
        part
        for part in dict.fromkeys(_PARTS.findall(spoken))
        if part not in _DECORATION
        and (
            unicodedata.category(part[0])[0] in "SC"
            or any(ord(letter) > 0x24F and _script(letter) != "LATIN" for letter in part
                   if letter.isalpha())
        )
    ]  # fmt: skip


def is_silent(part: str, spoken: str, phonemes: Callable[[str], str]) -> bool:
    """Return whether ``part`` of a sentence is not heard: neither alone nor beside its neighbours.

    ``phonemes`` returns what a voice makes of a text. The dollar sign is silent alone, but heard in
    "$5".
    """
    if phonemes(part):
        return False
    sign = re.escape(part)
    cut = {re.sub(pattern, new, spoken) for pattern, new in ((sign, " "), (rf"\s*{sign}", ""))}
    read = {"".join(phonemes(text).split()).rstrip(".") for text in cut}
    return "".join(phonemes(spoken).split()).rstrip(".") in read


def main_script(text: str) -> str:
    """Return the script of most words; kana distinguish Japanese from Chinese.

    Returns ``LATIN`` for a text without letters.
    """
    counts = _count_scripts(text)
    if not counts:
        return "LATIN"
    script = counts.most_common(1)[0][0]
    return "HIRAGANA" if script == "CJK" and counts["HIRAGANA"] else script


def voice_script(sentence: str) -> str:
    """Return the script that decides the voice: any East Asian one, else that of most words."""
    counts = _count_scripts(sentence)
    return next((script for script in _EAST_ASIAN_SCRIPTS if counts[script]), main_script(sentence))


def _count_scripts(text: str) -> Counter[str]:
    """Count the letters of each script, by the first word of their Unicode names.

    A Chinese or Korean character counts as a word.
    """
    counts: Counter[str] = Counter()
    for letter in filter(str.isalpha, text):
        script = _script(letter)
        counts[script] += _LETTERS_PER_WORD if script in _DENSE_SCRIPTS else 1
    return counts


def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split()[0].split("-")[0]
