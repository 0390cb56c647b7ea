"""Read the text to be spoken from a file: plain text, Markdown or Word."""

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
"""Supported kinds of text, by suffix of the file name."""

MAX_BYTES = 64_000_000
"""Maximum size of a text, uncompressed; a novel has about one million bytes."""

MAX_PACKAGE_BYTES = 256_000_000
"""Maximum size of a Word file including images, uncompressed: the reader holds all of it in
memory."""

_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Used by editors on Chinese Windows; text in other encodings is rarely valid GB 18030.
_LEGACY_ENCODING = "gb18030"
_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def read_document(path: Path) -> str:
    """Return the text of ``path``, with blank lines between paragraphs of Markdown and Word.

    Plain text and Markdown may be UTF-8, UTF-16 with a byte order mark, or GB 18030. Code blocks,
    addresses and markup of Markdown are left out. Raises ``BadInput``: ``file_empty``,
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
            return _word_text(path)
        text = _decode_text(path)
    except FileNotFoundError:
        raise BadInput("file_missing", name=path.name) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput("file_unreadable", name=path.name, reason=reason) from error
    return _markdown_text(text) if suffix == ".md" else text


def _decode_text(path: Path) -> str:
    raw = path.read_bytes()
    codecs = [_BOMS[raw[:2]]] if raw[:2] in _BOMS else ["utf-8-sig", _LEGACY_ENCODING]
    for codec in codecs:
        try:
            text = raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:  # text files do not contain NUL
            return text.translate(_CONTROLS)
    raise BadInput("text_unreadable", name=path.name)


def _markdown_text(text: str) -> str:
    from markdown_it import MarkdownIt

    paragraphs = []
    for token in MarkdownIt("commonmark").enable("table").parse(_without_front_matter(text)):
        paragraph = "".join(
            "\n" if part.type in ("softbreak", "hardbreak") else part.content
            for part in token.children or ()
            if part.type in ("text", "softbreak", "hardbreak", "code_inline")
        )
        if paragraph.strip():
            paragraphs.append(paragraph.strip())
    return "\n\n".join(paragraphs)


def _without_front_matter(text: str) -> str:
    """Remove the front matter between two lines of ``---`` at the start."""
    if text.startswith("---\n"):
        _, found, rest = text[4:].partition("\n---\n")
        return rest if found else text
    return text


def _word_text(path: Path) -> str:
    import docx

    try:
        with zipfile.ZipFile(path) as package:
            entries = package.infolist()
        text_bytes = sum(entry.file_size for entry in entries if entry.filename.endswith(".xml"))
        if text_bytes > MAX_BYTES or sum(entry.file_size for entry in entries) > MAX_PACKAGE_BYTES:
            raise BadInput("text_too_long", name=path.name)
        return "\n\n".join(text for text in _document_blocks(docx.Document(str(path))) if text)
    except (BadInput, OSError):
        raise
    except Exception as error:  # a damaged package may raise any exception
        raise BadInput("text_unreadable", name=path.name) from error


def _document_blocks(part: Document | _Cell) -> Iterator[str]:
    """Yield the text of paragraphs and table cells in document order."""
    from docx.text.paragraph import Paragraph

    for block in part.iter_inner_content():
        if isinstance(block, Paragraph):
            yield block.text.strip()
        else:
            yield from _table_cells(block)


def _table_cells(table: Table) -> Iterator[str]:
    for row in table.rows:
        seen = set()
        for cell in row.cells:
            if id(cell._tc) not in seen:  # a cell that spans columns is listed once per column
                seen.add(id(cell._tc))
                yield from _document_blocks(cell)
