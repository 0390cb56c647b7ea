"""Read the text of a Word document: what Word shows when it prints the document.

Insertions with tracked changes, content controls, fields, links, text boxes and equations count;
deletions, hidden and struck-out text do not.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import BadInput

if TYPE_CHECKING:
    from docx.document import Document

MAX_BYTES = 64_000_000
"""Maximum size of a text, uncompressed; a novel has about one million bytes."""

MAX_PACKAGE_BYTES = 256_000_000
"""Maximum size of a Word file including images, uncompressed: the reader holds all of it in
memory."""

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_NOT_PRINTED = frozenset(
    {"del", "moveFrom", "delText", "instrText", "fldChar", "Fallback", "rt", "rPr", "pPr", "sdtPr",
     "rubyPr", "ctrlPr", "commentReference", "footnoteReference", "endnoteReference"}
)  # fmt: skip
_HIDING = ("vanish", "strike", "dstrike")
_FALSE = frozenset({"0", "false", "off", "none"})
_CHARACTERS = {"tab": " ", "ptab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_MAX_DEPTH = 200  # elements inside each other; Word itself allows far fewer


def read_word(path: Path) -> str:
    """Return the text of the document ``path``, with blank lines between its paragraphs.

    Raises ``BadInput``: ``text_too_long`` or ``text_unreadable``, and ``OSError``.
    """
    import docx

    try:
        with zipfile.ZipFile(path) as package:
            entries = package.infolist()
        text_bytes = sum(entry.file_size for entry in entries if entry.filename.endswith(".xml"))
        if text_bytes > MAX_BYTES or sum(entry.file_size for entry in entries) > MAX_PACKAGE_BYTES:
            raise BadInput("text_too_long", name=path.name)
        document = docx.Document(str(path))
        reader = _Reader(_hiding_styles(document))
        paragraphs = (text.strip() for text in reader.paragraphs(document.element.body))
        return "\n\n".join(text for text in paragraphs if text)
    except (BadInput, OSError):
        raise
    except Exception as error:  # a damaged package may raise any exception
        raise BadInput("text_unreadable", name=path.name) from error


def _hiding_styles(document: Document) -> dict[str, bool]:
    """Return, by the ID of each style that decides it, whether its text is hidden or struck out."""
    own: dict[str, bool | None] = {}
    bases: dict[str, str] = {}
    for style in document.styles.element.iterchildren(f"{_WORD}style"):
        name = str(style.get(f"{_WORD}styleId"))
        own[name] = _is_hidden(style.find(f"{_WORD}rPr"))
        base = style.find(f"{_WORD}basedOn")
        if base is not None:
            bases[name] = str(base.get(f"{_WORD}val"))
    found = {}
    for name in own:
        ancestor, visited = name, set[str]()
        while own.get(ancestor) is None and ancestor in bases and ancestor not in visited:
            visited.add(ancestor)
            ancestor = bases[ancestor]
        decision = own.get(ancestor)
        if decision is not None:
            found[name] = decision
    return found


def _is_hidden(properties: Any) -> bool | None:
    """Return whether run properties hide or strike out text; ``None`` if they do not say."""
    decisions = [] if properties is None else [
        str(element.get(f"{_WORD}val", "true")).lower() not in _FALSE
        for element in properties
        if _name(element) in _HIDING
    ]  # fmt: skip
    return any(decisions) if decisions else None


def _name(element: Any) -> str:
    """Return the name of an element without its namespace; empty for a comment."""
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


class _Reader:
    def __init__(self, hiding_styles: dict[str, bool]) -> None:
        self._hiding_styles = hiding_styles

    def paragraphs(self, parent: Any, depth: int = 0) -> Iterator[str]:
        """Yield the text of every paragraph in ``parent``; text boxes follow their paragraph."""
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deep")
        for child in parent:
            name = _name(child)
            if name in _NOT_PRINTED:
                continue
            if name == "p":
                boxes: list[Any] = []
                style = child.find(f"{_WORD}pPr/{_WORD}pStyle")
                hidden = self._style_hides(style)
                yield "".join(self._inline(child, boxes, hidden, depth))
                for box in boxes:
                    yield from self.paragraphs(box, depth + 1)
            elif name == "oMathPara":
                yield equation_text(child)
            else:
                yield from self.paragraphs(child, depth + 1)

    def _inline(self, parent: Any, boxes: list[Any], hidden: bool, depth: int) -> Iterator[str]:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deep")
        for child in parent:
            name = _name(child)
            if name in _NOT_PRINTED:
                continue
            if name == "txbxContent":
                boxes.append(child)
            elif name in ("oMath", "oMathPara"):
                yield f" {equation_text(child)} "
            elif name == "r":
                yield from self._inline(child, boxes, self._run_hides(child, hidden), depth + 1)
            elif name == "t":
                yield "" if hidden else child.text or ""
            elif name in _CHARACTERS:
                yield "" if hidden else _CHARACTERS[name]
            elif name == "sym":
                yield "" if hidden else _symbol(child)
            else:
                yield from self._inline(child, boxes, hidden, depth + 1)

    def _run_hides(self, run: Any, inherited: bool) -> bool:
        own = _is_hidden(run.find(f"{_WORD}rPr"))
        if own is not None:
            return own
        style = run.find(f"{_WORD}rPr/{_WORD}rStyle")
        return self._style_hides(style, inherited)

    def _style_hides(self, style: Any, inherited: bool = False) -> bool:
        if style is None:
            return inherited
        return self._hiding_styles.get(str(style.get(f"{_WORD}val")), inherited)


def _symbol(element: Any) -> str:
    """Return the character of a symbol font, if it is one that other fonts have, too."""
    code = int(str(element.get(f"{_WORD}char", "20")), 16)
    return "" if 0xE000 <= code <= 0xF8FF else chr(code)


def equation_text(element: Any, depth: int = 0) -> str:
    """Return an equation on one line, as ``(a+b)/2``, ``x^2``, ``√(x)``."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")

    def part(name: str) -> str:
        return "".join(
            equation_text(child, depth + 1) for child in element if _name(child) == name
        ).strip()

    def grouped(name: str) -> str:
        text = part(name)
        return text if len(text) <= 1 or text.isalnum() else f"({text})"

    name = _name(element)
    if name == "t":
        return str(element.text or "")
    if name in _NOT_PRINTED:
        return ""
    if name == "f":
        return f"{grouped('num')}/{grouped('den')}"
    if name in ("sSup", "sSubSup", "sSub"):
        below = f"_{part('sub')}" if name != "sSup" else ""
        return f"{grouped('e')}{below}" + (f"^{grouped('sup')}" if name != "sSub" else "")
    if name == "rad":
        return f"√({part('e')})"
    if name == "nary":
        sign = element.find("./{*}naryPr/{*}chr")
        char = "∫" if sign is None else str(next(iter(sign.attrib.values()), "∫"))
        return f"{char} {part('e')}"
    if name == "d":
        return f"({part('e')})"
    return "".join(equation_text(child, depth + 1) for child in element)
