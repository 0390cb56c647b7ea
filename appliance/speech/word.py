"""Read the text of a Word file (.docx): what Word shows when it prints the document.

Insertions with tracked changes, content controls, fields, links, text boxes and equations count;
deletions, hidden and struck-out text do not. The file is read as a stream, see
:mod:`appliance.speech.word_package`; nothing but the text is kept.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from appliance.errors import BadInput
from appliance.speech.word_equation import NAMESPACES as _EQUATION_NAMESPACES
from appliance.speech.word_equation import Equation
from appliance.speech.word_package import WordLimitError, WordPackage, XmlStream

MAX_PARAGRAPHS = 200_000
MAX_STYLES = 20_000

_NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",  # "strict" files
)
# Besides deletions: fields' instructions, properties, phonetic guides, and the text of a fallback.
_NOT_PRINTED = frozenset(
    {"del", "moveFrom", "delText", "instrText", "fldChar", "Fallback", "rt", "sdtPr", "rubyPr",
     "ctrlPr", "commentReference", "footnoteReference", "endnoteReference", "object"}
)  # fmt: skip
_HIDING = frozenset({"vanish", "strike", "dstrike"})
_FALSE = frozenset({"0", "false", "off", "none"})
_CHARACTERS = {"tab": " ", "ptab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def word_text(file: BinaryIO, name: str, max_bytes: int) -> str:
    """Return the text of the Word file ``file``, with blank lines between its paragraphs.

    Paragraphs of tables come in their place, row by row, and text boxes after the paragraph to
    which they belong. ``name`` is used in messages; ``max_bytes`` limits the text. Raises
    ``BadInput``: ``file_empty``, ``text_unreadable`` or ``text_too_long``; and ``OSError``.
    """
    if not file.seek(0, io.SEEK_END):
        raise BadInput("file_empty", name=name)
    try:
        package = WordPackage(file)
        styles = _StyleReader()
        package.read_related("styles", styles)
        reader = _TextReader(styles.hiding(), max_bytes)
        package.read(package.document, reader)
    except WordLimitError:
        raise BadInput("text_too_long", name=name) from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # of a position that a damaged directory names
            raise
        raise BadInput("text_unreadable", name=name) from error
    except Exception as error:  # a damaged package may raise any exception
        raise BadInput("text_unreadable", name=name) from error
    return "\n\n".join(reader.paragraphs)


def _is_on(attributes: Mapping[str, str]) -> bool:
    return attributes.get("val", "true").lower() not in _FALSE


@dataclass
class _Style:
    hides: bool | None = None
    """Whether its text is hidden or struck out; ``None`` if its base decides."""
    base: str | None = None


class _StyleReader(XmlStream):
    """Reads which styles hide text."""

    def __init__(self) -> None:
        super().__init__()
        self._styles: dict[str, _Style] = {}
        self._style: _Style | None = None
        self._style_depth = self._properties_depth = 0

    def start(self, namespace: str, tag: str, attributes: dict[str, str]) -> None:
        if namespace not in _NAMESPACES:
            return
        if self._style is None:
            if tag == "style":
                self._style, self._style_depth = _Style(), self.depth
                self._styles[attributes.get("styleId", "")] = self._style
                if len(self._styles) > MAX_STYLES:
                    raise WordLimitError
        elif self.depth == self._style_depth + 1:
            if tag == "basedOn":
                self._style.base = attributes.get("val")
            elif tag == "rPr":
                self._properties_depth = self.depth
        elif self.depth == self._properties_depth + 1 and tag in _HIDING:
            self._style.hides = bool(self._style.hides) or _is_on(attributes)

    def end(self, namespace: str, tag: str) -> None:
        if self.depth == self._properties_depth:
            self._properties_depth = 0
        if self._style is not None and self.depth == self._style_depth:
            self._style = None

    def hiding(self) -> dict[str, bool]:
        """Return, by the ID of each style that decides it, whether its text is not printed."""
        found: dict[str, bool | None] = {}
        for name in self._styles:
            chain: dict[str, None] = {}
            decision: bool | None = None
            at: str | None = name
            while at is not None and at in self._styles and at not in chain:
                if at in found:
                    decision = found[at]
                    break
                chain[at] = None
                decision = self._styles[at].hides
                at = self._styles[at].base if decision is None else None
            found.update(dict.fromkeys(chain, decision))
        return {name: hides for name, hides in found.items() if hides is not None}


@dataclass
class _Span:
    """An open paragraph or run: its ``text`` and the paragraphs of its text boxes."""

    depth: int
    is_run: bool
    hidden: bool
    """Whether its text is hidden, unless its own properties decide otherwise."""
    own: bool | None = None
    text: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)

    @property
    def hides(self) -> bool:
        return self.hidden if self.own is None else self.own


class _TextReader(XmlStream):
    """Collects the printed paragraphs."""

    def __init__(self, hiding_styles: Mapping[str, bool], max_bytes: int) -> None:
        super().__init__()
        self.paragraphs: list[str] = []
        self._hiding_styles = hiding_styles
        self._room = max_bytes
        self._paragraphs_seen = 0
        self._skipped_depth = 0  # of the outermost element that is skipped; 0 if there is none
        self._properties_depth = 0  # of the properties of the innermost paragraph or run
        self._spans: list[_Span] = []
        self._in_text = False
        self._equation: Equation | None = None
        self._equation_depth = 0

    def start(self, namespace: str, tag: str, attributes: dict[str, str]) -> None:
        if self._skipped_depth:
            return
        if self._properties_depth:
            if self.depth == self._properties_depth + 1 and namespace in _NAMESPACES:
                self._property(tag, attributes)
        elif tag in _NOT_PRINTED:
            self._skipped_depth = self.depth
        elif self._equation is not None:
            if tag in ("rPr", "pPr"):
                self._skipped_depth = self.depth
            else:
                self._equation.start(tag, attributes)
        elif namespace in _EQUATION_NAMESPACES:
            if tag in ("oMath", "oMathPara"):
                self._equation, self._equation_depth = Equation(), self.depth
        elif namespace in _NAMESPACES:
            self._start_word(tag, attributes)

    def _start_word(self, tag: str, attributes: dict[str, str]) -> None:
        span = self._spans[-1] if self._spans else None
        if tag == "p":
            self._count_paragraph()
            self._spans.append(_Span(self.depth, False, False))
        elif tag in ("rPr", "pPr"):
            if span is not None and self.depth == span.depth + 1 and span.is_run == (tag == "rPr"):
                self._properties_depth = self.depth
            else:
                self._skipped_depth = self.depth
        elif span is None:
            return
        elif tag == "r":
            self._spans.append(_Span(self.depth, True, span.hides))
        elif tag == "t":
            self._in_text = not span.hides
        elif tag in _CHARACTERS and not span.hides:
            self._add(_CHARACTERS[tag])
        elif tag == "sym" and not span.hides:
            self._add(_symbol(attributes.get("char", "20")))

    def _property(self, tag: str, attributes: dict[str, str]) -> None:
        span = self._spans[-1]
        if tag in ("rStyle", "pStyle"):
            span.hidden = self._hiding_styles.get(attributes.get("val", ""), span.hidden)
        elif span.is_run and tag in _HIDING:
            span.own = bool(span.own) or _is_on(attributes)

    def end(self, namespace: str, tag: str) -> None:
        if self._skipped_depth:
            if self.depth == self._skipped_depth:
                self._skipped_depth = 0
        elif self._properties_depth:
            if self.depth == self._properties_depth:
                self._properties_depth = 0
        elif self._equation is not None:
            if self.depth == self._equation_depth:
                self._end_equation(self._equation)
            else:
                self._equation.end()
        elif tag == "t":
            self._in_text = False
        elif self._spans and self.depth == self._spans[-1].depth:
            self._end_span(self._spans.pop())

    def _end_span(self, span: _Span) -> None:
        if span.is_run:
            self._spans[-1].text += span.text
            self._spans[-1].boxes += span.boxes
            return
        text = "".join(span.text).strip()
        found = [text, *span.boxes] if text else span.boxes
        (self._spans[-1].boxes if self._spans else self.paragraphs).extend(found)

    def _end_equation(self, equation: Equation) -> None:
        self._equation = None
        text = equation.text().strip()
        if self._spans:
            self._spans[-1].text.append(f" {text} ")
        elif text:
            self._count_paragraph()
            self.paragraphs.append(text)

    def characters(self, data: str) -> None:
        if self._skipped_depth or self._properties_depth:
            return
        if self._equation is not None:
            self._take(data)
            self._equation.characters(data)
        elif self._in_text:
            self._add(data)

    def _count_paragraph(self) -> None:
        self._paragraphs_seen += 1
        if self._paragraphs_seen > MAX_PARAGRAPHS:
            raise WordLimitError

    def _take(self, text: str) -> None:
        self._room -= len(text.encode())
        if self._room < 0:
            raise WordLimitError

    def _add(self, text: str) -> None:
        self._take(text)
        self._spans[-1].text.append(text)


def _symbol(code: str) -> str:
    """Return the character of a symbol font, if it is one that other fonts have, too."""
    number = int(code, 16)
    return "" if 0xE000 <= number <= 0xF8FF or 0xD800 <= number <= 0xDFFF else chr(number)
