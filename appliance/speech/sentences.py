"""Split a text into paragraphs and sentences that are synthesized one at a time."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from appliance.speech.wording import WORDINGS, words_of

MAX_SENTENCE_CHARS = 300
"""Characters synthesized at once; memory use grows with the square."""

_MIN_WRAPPED_LINE = 50  # a line this long without a full stop was wrapped by an editor
_LINE_END_MARKS = ".!?。！？…:：;；"
_END = re.compile(
    r"[。！？｡]+[”’」』）)\"']*|[.!?…]+[\"”’»)\]]*(?=\s)|(?<=[^\W\d_][^\W\d_])[!?]+(?=\w)|\n"
)
_TITLES = frozenset(
    words_of("dr mr mrs ms prof st sr jr rev gen col capt lt sgt hon gov pres fr mt hr fr sig dott")
)
# Never the last word of a sentence, in any language; a number or name follows.
_LEADING = _TITLES | frozenset(
    words_of(
        "ch chap fig figs eq eqs eqn vs approx no nos sec sect vol pp cf viz ed eds e.g "
        "i.e ref refs tab al ca z.b d.h bzw nr abb kap vgl sog u.a gl bd z éq env p.ex "
        "c.-à-d art mme mlle aprox p.ej núm pág sra ec cap dept univ est p"
    )
)  # fmt: skip
# Also words, or also the last word of a sentence: only abbreviations before a number.
_BEFORE_NUMBER = frozenset({"no", "p", "sec", "art", "ed", "al", "vol", "cap", "tab", "ca", "est"})
_ENUMERATION = re.compile(r"^\s*(?:\d{1,3}|[A-Za-z])$")
_MONTH = re.compile(
    "Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
    "Jahrhundert|Klasse|Kapitel"
)


def split_paragraphs(text: str) -> Iterator[str]:
    """Yield paragraphs in which lines that an editor wrapped are joined again."""
    for block in re.split(r"\n\s*\n", text):
        lines: list[str] = []
        for line in (line.strip() for line in block.splitlines()):
            if not line:
                continue
            before = lines[-1] if lines else _LINE_END_MARKS
            wrapped = len(before) >= _MIN_WRAPPED_LINE or line[0].islower()
            if before[-1] not in _LINE_END_MARKS and wrapped:
                lines[-1] = f"{before} {line}"
            else:
                lines.append(line)
        if lines:
            yield "\n".join(lines)


def split_sentences(paragraph: str) -> Iterator[str]:
    """Yield the sentences of ``paragraph``; none is longer than ``MAX_SENTENCE_CHARS``.

    A full stop after an abbreviation, an initial or the number of an item ends no sentence, nor
    does one before a small letter.
    """
    start = 0
    for match in _END.finditer(paragraph):
        if match.group().startswith(".") and not _ends_sentence(paragraph, start, match):
            continue
        yield from textwrap.wrap(paragraph[start : match.end()].strip(), MAX_SENTENCE_CHARS)
        start = match.end()
    yield from textwrap.wrap(paragraph[start:].strip(), MAX_SENTENCE_CHARS)


def _ends_sentence(paragraph: str, start: int, match: re.Match[str]) -> bool:
    rest = paragraph[match.end() :].lstrip(" \t\"“‘'(")
    if rest[:1].islower():
        return False
    if len(match.group()) > 1:  # an ellipsis, or a closing quotation mark
        return True
    before = paragraph[start : match.start()]
    if _ENUMERATION.match(before):
        return False
    if before[-1:].isdigit() and _MONTH.match(rest):  # German: "3. Mai"
        return False
    word = before.split()[-1].lstrip("(\"“‘'[").casefold() if before.split() else ""
    if re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word):  # "U.S", "a.m": may end a sentence
        return f"{word}." not in _DOTTED and not rest[:1].isdigit()
    if word in _BEFORE_NUMBER:
        return not rest[:1].isdigit()
    return not (word in _LEADING or (len(word) == 1 and word.isalpha() and before[-1:].isupper()))


_DOTTED = frozenset(
    key for wording in WORDINGS.values() for key in wording.abbreviations if key.count(".") > 1
)
