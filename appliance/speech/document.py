"""The words of a text file, as they are to be spoken: plain text, Markdown or Word."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import BadInput

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import Table, _Cell

SUFFIXES = frozenset({".txt", ".md", ".docx"})
"""The kinds of text that can be read, by the name's ending."""

MAX_BYTES = 64_000_000
"""Of text, unpacked; a novel has one million."""

MAX_PACKAGE_BYTES = 256_000_000
"""Of a Word file, unpacked, with its pictures: the reader holds all of it."""

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Editors on Chinese Windows; its double bytes are dense enough that other text seldom passes.
_LEGACY = "gb18030"
_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def read_document(path: Path) -> str:
    """The text of ``path``; a blank line between paragraphs of Markdown and Word.

    Plain text and Markdown may be UTF-8, UTF-16 with its mark, or GB 18030. Of Markdown, code,
    addresses and the signs of the markup are left out. Raises ``BadInput``: ``file_empty``,
    ``file_missing``, ``file_unreadable``, ``text_unreadable`` or ``text_too_long``.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise BadInput("file_empty", name=path.name)
        if size > MAX_BYTES:
            raise BadInput("text_too_long", name=path.name)
        suffix = path.suffix.lower()
        if suffix == ".docx":
            return _word(path)
        text = _decoded(path)
    except FileNotFoundError:
        raise BadInput("file_missing", name=path.name) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput("file_unreadable", name=path.name, reason=reason) from error
    return _markdown(text) if suffix == ".md" else text


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    codecs = [_MARKS[raw[:2]]] if raw[:2] in _MARKS else ["utf-8-sig", _LEGACY]
    for codec in codecs:
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:  # no editor writes one: this is no text
            return text.translate(_CONTROLS)
    raise BadInput("text_unreadable", name=path.name)


def _markdown(text: str) -> str:
    from markdown_it import MarkdownIt

    paragraphs = []
    for token in MarkdownIt("commonmark").enable("table").parse(_without_front_matter(text)):
        words = "".join(
            "\n" if part.type in ("softbreak", "hardbreak") else part.content
            for part in token.children or ()
            if part.type in ("text", "softbreak", "hardbreak", "code_inline")
        )
        if words.strip():
            paragraphs.append(words.strip())
    return "\n\n".join(paragraphs)


def _without_front_matter(text: str) -> str:
    """Drop the settings between two lines of ``---`` that some editors put first."""
    if text.startswith("---\n"):
        _, found, rest = text[4:].partition("\n---\n")
        return rest if found else text
    return text


def _word(path: Path) -> str:
    import docx

    try:
        with zipfile.ZipFile(path) as package:
            entries = package.infolist()
        words = sum(entry.file_size for entry in entries if entry.filename.endswith(".xml"))
        if words > MAX_BYTES or sum(entry.file_size for entry in entries) > MAX_PACKAGE_BYTES:
            raise BadInput("text_too_long", name=path.name)
        return "\n\n".join(text for text in _blocks(docx.Document(str(path))) if text)
    except (BadInput, OSError):
        raise
    except Exception as error:  # a damaged package may break the reader in any way
        raise BadInput("text_unreadable", name=path.name) from error


def _blocks(part: Document | _Cell) -> Iterator[str]:
    """Paragraphs and the cells of tables, in the order in which they stand."""
    from docx.text.paragraph import Paragraph

    for block in part.iter_inner_content():
        if isinstance(block, Paragraph):
            yield block.text.strip()
        else:
            yield from _cells(block)


def _cells(table: Table) -> Iterator[str]:
    for row in table.rows:
        spoken = set()
        for cell in row.cells:
            if id(cell._tc) not in spoken:  # a cell that spans columns is listed for each
                spoken.add(id(cell._tc))
                yield from _blocks(cell)
