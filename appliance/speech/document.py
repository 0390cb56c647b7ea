"""Read the text to be spoken from a file: plain text, Markdown or Word."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import BadInput
from appliance.speech.encoding import UndecodableText, decode_text
from appliance.speech.markup import CleanText, clean_markup
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

_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def read_document(path: Path) -> CleanText:
    """Return the text of ``path``, with blank lines between paragraphs of Markdown and Word.

    Plain text and Markdown may be in any common encoding. Code blocks of Markdown are left out, and
    markup is removed everywhere but in Word files; the result names what else was left out. Raises
    ``BadInput``: the codes of :func:`read_text`, or ``text_too_long``.
    """
    suffix = path.suffix.lower()
    if suffix == ".docx":
        with _read_errors(path), open_regular(path, max_bytes=MAX_PACKAGE_BYTES) as file:
            return CleanText(word_text(file, path.name, MAX_BYTES))
    text = read_text(path, MAX_MARKDOWN_BYTES if suffix == ".md" else MAX_BYTES)
    return clean_markup(_markdown_text(text) if suffix == ".md" else text)


def read_text(path: Path, max_bytes: int = MAX_BYTES) -> str:
    """Return the content of a text file in any common encoding, with line ends as ``\\n``.

    Raises ``BadInput``: ``file_empty``, ``file_missing``, ``file_unreadable``,
    ``file_not_regular``, ``file_is_folder``, ``text_unreadable``, ``text_encoding_doubtful`` or
    ``text_too_long`` (more than ``max_bytes`` bytes).
    """
    with _read_errors(path):
        raw = read_regular(path, max_bytes)
    if not raw:
        raise BadInput("file_empty", name=path.name)
    try:
        text = decode_text(raw)
    except UndecodableText as error:
        if not error.guess:
            raise BadInput("text_unreadable", name=path.name) from None
        raise BadInput("text_encoding_doubtful", name=path.name, guess=error.guess) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    """Translate the errors of opening and reading ``path`` into ``BadInput``."""
    try:
        yield
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


def _markdown_text(text: str) -> str:
    from markdown_it import MarkdownIt

    paragraphs = []
    for token in MarkdownIt("commonmark").enable("table").parse(_without_front_matter(text)):
        if token.type == "html_block":
            paragraphs.append(token.content)
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
