"""Decode the bytes of a text file, whatever encoding the editor has used."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator

import chardet

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE_CODECS = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
# Tried when what the detector names leaves flaws: the encodings of editors on Windows and old Macs,
# by number of users.
_COMMON_CODECS = ("cp1252", "gb18030", "big5hkscs", "cp932", "cp1251", "cp1250", "iso8859-2",
                  "mac-roman", "cp949", "euc_jp", "cp1254", "cp1253")  # fmt: skip
# Encodings of which an extension is in use under the same name.
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932",
              "euc_kr": "cp949", "iso8859-1": "cp1252"}  # fmt: skip
# Bytes below space that occur in no 8-bit text, but in every UTF-16 text with a space or a stop.
_WIDE_MARKS = re.compile(rb"[\x00-\x08\x10-\x19\x1c-\x1f]")
_ESCAPES = re.compile(rb"\x1b[$(]|~\{")  # ISO 2022 and HZ: Chinese and Japanese as ASCII
_SAMPLE_BYTES = 100_000  # enough to detect the encoding
_MAX_BROKEN_SHARE = 0.02  # of the sequences of a UTF-8 text that was damaged or cut
_MAX_FLAWED_SHARE = 0.04  # of the characters beyond ASCII: more is not a text in this encoding
_SYMBOLS_IN_WORDS = set("'’·-‐_")
_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI", "HALFWIDTH"})


class UndecodableText(ValueError):
    """Bytes of which the encoding is uncertain; ``guess`` is the likeliest one, or empty."""

    def __init__(self, guess: str = "") -> None:
        super().__init__(guess)
        self.guess = guess


def decode_text(raw: bytes) -> str:
    """Return ``raw`` as text, without its byte order mark.

    UTF-8 with a few damaged bytes has U+FFFD in their place. The encoding of other text is the one
    that leaves the fewest flaws, such as letters of two alphabets in one word; among equals, the
    one that chardet considers the likeliest. Raises :class:`UndecodableText` if none is plausible.
    """
    for bom, codec in _BOMS:
        if raw.startswith(bom):
            return _decode_marked(raw, codec)
    if _WIDE_MARKS.search(raw):
        return _best_decoding(raw, iter(_wide_codecs(raw)))
    if _ESCAPES.search(raw) and raw.isascii():
        return _best_decoding(raw, iter((*_detected_codecs(raw), "ascii")))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    text = raw.decode("utf-8", "replace")
    valid = sum(not char.isascii() and char != "\ufffd" for char in text)
    if text.count("\ufffd") <= _MAX_BROKEN_SHARE * valid:
        return text
    sample = b"\n".join(line for line in raw.splitlines() if not line.isascii())
    return _best_decoding(raw, iter((*_detected_codecs(sample), *_COMMON_CODECS)))


def _decode_marked(raw: bytes, codec: str) -> str:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        raise UndecodableText from None
    if "\0" in text:
        raise UndecodableText
    return text


def _wide_codecs(raw: bytes) -> list[str]:
    """Return the codecs of UTF-16 and UTF-32, that with the most spaces and line ends first."""

    def marks(codec: str) -> int:
        text = raw[:_SAMPLE_BYTES].decode(codec, "ignore")
        return sum(text.count(mark) for mark in " \n，。、")

    return sorted(_WIDE_CODECS, key=marks, reverse=True)


def _detected_codecs(sample: bytes) -> Iterator[str]:
    """Yield the codecs that chardet names, the likeliest first."""
    for found in chardet.detect_all(sample[:_SAMPLE_BYTES], encoding_era=chardet.EncodingEra.ALL):
        name = found["encoding"]
        if name is not None:
            codec = codecs.lookup(name).name
            yield _SUPERSETS.get(codec, codec)


def _best_decoding(raw: bytes, names: Iterator[str]) -> str:
    best: tuple[float, str, str] | None = None
    for name in dict.fromkeys(names):
        try:
            text = raw.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        flaws = _flawed_share(text)
        if best is None or flaws < best[0]:
            best = flaws, name, text
        if not flaws:
            break
    if best is None:
        raise UndecodableText
    flaws, name, text = best
    if flaws > _MAX_FLAWED_SHARE:
        raise UndecodableText(name)
    return text


def _flawed_share(text: str) -> float:
    """Return the share of the characters beyond ASCII that do not fit where they stand."""
    flaws = beyond_ascii = 0
    before, before_script = " ", ""
    for char in text[:_SAMPLE_BYTES]:
        script = "LATIN" if char.isascii() and char.isalpha() else ""
        if not char.isascii():
            beyond_ascii += 1
            script = unicodedata.name(char, "").split(" ")[0] if char.isalpha() else ""
        flaws += _is_flaw(char, script, before, before_script)
        before, before_script = char, script
    return flaws / max(beyond_ascii, 1)


def _is_flaw(char: str, script: str, before: str, before_script: str) -> bool:
    category = unicodedata.category(char)
    if category in ("Cn", "Co", "Cs") or (category == "Cc" and char not in "\t\n\r\f\v\x1a\x1b"):
        return True
    if script and before_script:  # two letters
        if script != before_script and {script, before_script} <= _ALPHABETS:
            return True
        return not char.isascii() and before.islower() and char.isupper()
    if script and not before.isascii():  # a letter after a symbol: "K³che"
        return unicodedata.category(before)[0] in "SN" and before not in _SYMBOLS_IN_WORDS
    return False
