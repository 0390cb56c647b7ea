"""Read the text to be spoken from a file: plain text, Markdown or Word."""

from __future__ import annotations

import errno
from pathlib import Path

from appliance.errors import BadInput
from appliance.speech.word import word_text
from appliance.system.regular_file import NotRegularFileError, open_regular, read_regular

SUFFIXES = frozenset({".txt", ".md", ".docx"})
"""Supported kinds of text, by suffix of the file name."""

MAX_BYTES = 4_000_000
"""Maximum size of a text; a novel has about one million bytes, and a million are 18 hours."""

MAX_MARKDOWN_BYTES = 1_000_000
"""Maximum size of Markdown, whose parser takes up to 650 times the memory."""

MAX_PACKAGE_BYTES = 256_000_000
"""Maximum size of a Word file, compressed, including its images, which are not read."""

_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
# Used by editors on Chinese Windows; text in other encodings is rarely valid GB 18030.
_LEGACY_ENCODING = "gb18030"
_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def read_document(path: Path) -> str:
    """Return the text of ``path``, with blank lines between paragraphs of Markdown and Word.

    Plain text and Markdown may be UTF-8, UTF-16 with a byte order mark, or GB 18030. Code blocks,
    addresses and markup of Markdown are left out. Raises ``BadInput``: ``file_empty``,
    ``file_missing``, ``file_unreadable``, ``file_not_regular``, ``file_is_folder``,
    ``text_unreadable`` or ``text_too_long``.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".docx":
            with open_regular(path, max_bytes=MAX_PACKAGE_BYTES) as file:
                text = word_text(file, path.name, MAX_BYTES)
        else:
            text = _decode_text(path, MAX_MARKDOWN_BYTES if suffix == ".md" else MAX_BYTES)
    except NotRegularFileError:
        raise BadInput("file_not_regular", name=path.name) from None
    except IsADirectoryError:
        raise BadInput("file_is_folder", name=path.name) from None
    except FileNotFoundError:
        raise BadInput("file_missing", name=path.name) from None
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise BadInput("text_too_long", name=path.name) from None
        reason = error.strerror or str(error)
        raise BadInput("file_unreadable", name=path.name, reason=reason) from error
    return _markdown_text(text) if suffix == ".md" else text


def _decode_text(path: Path, max_bytes: int) -> str:
    raw = read_regular(path, max_bytes)
    if not raw:
        raise BadInput("file_empty", name=path.name)
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
