"""Remove markup from plain text: HTML, SSML, Markdown, web addresses and stage directions."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlsplit

from appliance.speech.wording import words_of


class CleanText(NamedTuple):
    """Text to be spoken, and what was left out of it, such as ``[pause]``, in order."""

    text: str
    left_out: tuple[str, ...] = ()


_BLOCK_TAGS = frozenset(
    words_of(
        "p div br hr li ul ol h1 h2 h3 h4 h5 h6 tr table section article header footer "
        "blockquote pre title paragraph"
    )
)
_SKIPPED_TAGS = frozenset({"script", "style", "head", "audio", "metadata", "lexicon", "noscript"})
_TAG_NAMES = _BLOCK_TAGS | _SKIPPED_TAGS | frozenset(
    words_of(
        "html body a b i u s em strong span font code small sub sup img td th thead "
        "tbody tfoot mark q cite abbr del ins kbd var samp tt center caption figure "
        "figcaption main nav dl dt dd input button form label meta link svg speak break "
        "prosody emphasis say-as voice phoneme sentence w token lang desc express-as "
        "mstts amazon:effect amazon:domain google:style bookmark"
    )
)  # fmt: skip
_TAG = re.compile(r"<!--|<[!?/]?([A-Za-z][\w:-]*)[^<>]*>")
_URL = re.compile(
    r"(?:https?|ftp|file)://[^\s<>\"'）)\]】，。；]+|\bwww\.[^\s<>\"'）)\]，。；]+", re.I
)
_URL_END = ".,;:!?*_~`"
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*[^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+\"[^\"]*\")?\s*\)")
_LINE_MARKS = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[*+•●▪‣·–-][ \t]+(?=\S)|\[[ xX]\][ \t])+", re.M
)
_RULE = re.compile(
    r"^[ \t]*(?:[-*_=~#]{3,}|\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?)[ \t]*$", re.M
)
_TABLE_ROW = re.compile(r"^[ \t]*\|(.+)\|[ \t]*$", re.M)
_CODE_FENCE = re.compile(r"^[ \t]*(```|~~~).*$", re.M)
_HASH = re.compile(r"(?<!\S)#{1,6}(?=[ \t]|$)", re.M)
_PAIRED = (
    re.compile(r"(\*\*|__|~~|==)(?=\S)(.+?)(?<=\S)\1"),
    re.compile(r"(?<![\w*])(\*)(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![\w*])"),
    re.compile(r"(?<![\w_])(_)(?=[^\s_])([^_\n]+?)(?<=[^\s_])_(?![\w_])"),
    re.compile(r"(`+)(?=\S)(.+?)(?<=\S)\1"),
)
_DIRECTION_WORDS = (
    r"pauses?|short pause|long pause|break|silence|beat|laugh\w*|chuckle\w*|giggle\w*|smil\w*|"
    r"sigh\w*|gasp\w*|cough\w*|clears throat|whisper\w*|breath\w*|inhale\w*|exhale\w*|music|"
    r"applause|cheer\w*|noise|inaudible|crosstalk|next slide|slide|click|sfx|"
    r"停顿|暂停|笑\w*|大笑|微笑|叹气|掌声|音乐|咳嗽|下一页|翻页"
)
_DIRECTION = re.compile(
    r"[ \t]*\{[^{}\n]{1,60}\}"
    rf"|[ \t]*[\[【](?:{_DIRECTION_WORDS})(?:[ :,=]?[ ]?[\d.]*[ ]?(?:ms|s|seconds?|秒)?)?[\]】]",
    re.I,
)
_CITATION = re.compile(r"[ \t]*\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]")
_EXTRA_SPACE = re.compile(r"[ \t]{2,}")


def clean_markup(text: str) -> CleanText:
    """Return ``text`` without markup; each web address is replaced by the name of its host.

    Stage directions in brackets and numbers of citations are left out and named in the result.
    """
    left_out: list[str] = []

    def leave_out(match: re.Match[str]) -> str:
        left_out.append(match.group().strip())
        joins_words = match.end() < len(text) and text[match.end()].isalnum()
        return " " if joins_words else ""

    if any(_is_tag(match) for match in _TAG.finditer(text)):
        text = _html_text(text)
    elif re.search(r"&(?:[a-z]{2,8}|#\d{2,6}|#x[0-9a-f]{2,5});", text, re.I):
        text = html.unescape(text)
    text = _LINK.sub(lambda match: f" {match.group(1)} " if match.group(1) else " ", text)
    text = _URL.sub(_host_of, text)
    for pattern in (_DIRECTION, _CITATION):
        text = pattern.sub(leave_out, text)
    text = _CODE_FENCE.sub("", _RULE.sub("", text))
    text = _TABLE_ROW.sub(lambda match: ", ".join(map(str.strip, match.group(1).split("|"))), text)
    text = _HASH.sub("", _LINE_MARKS.sub("", text))
    for pattern in _PAIRED:
        text = pattern.sub(_inner(2), text)
    lines = (_EXTRA_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return CleanText("\n".join(lines).strip(), tuple(left_out))


def _inner(group: int) -> Callable[[re.Match[str]], str]:
    return lambda match: match.group(group)


def _is_tag(match: re.Match[str]) -> bool:
    name = match.group(1)
    return name is None or name.casefold() in _TAG_NAMES


def _host_of(match: re.Match[str]) -> str:
    address = match.group()
    end = address[len(address.rstrip(_URL_END)) :]
    try:
        host = urlsplit(address if "://" in address else f"http://{address}").hostname or ""
    except ValueError:  # brackets that are no IPv6 address
        host = ""
    return host.removeprefix("www.") + end


def _html_text(text: str) -> str:
    parser = _TextParser()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts)


class _TextParser(HTMLParser):
    """Collects the text outside of tags; unknown tags are kept, because they may be text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAG_NAMES or any(value is None for _, value in attrs):
            self.handle_data(self.get_starttag_text() or "")
        elif tag in _SKIPPED_TAGS:
            self._skipped.append(tag)
        elif tag in _BLOCK_TAGS:
            self.parts.append("\n")
        elif tag == "sub" and dict(attrs).get("alias"):  # SSML: what is to be spoken instead
            self.handle_data(str(dict(attrs)["alias"]))
            self._skipped.append(tag)
        elif tag in ("td", "th", "break"):
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SKIPPED_TAGS:
            self.handle_starttag(tag, attrs)
            if self._skipped and self._skipped[-1] == tag:
                self._skipped.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._skipped:
            del self._skipped[self._skipped.index(tag) :]
        elif tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.parts.append(data)
