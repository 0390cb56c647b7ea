"""Read the text to be spoken from a file: plain text, Markdown or Word."""

from __future__ import annotations

from pathlib import Path

from appliance.errors import BadInput
from appliance.speech.encoding import UndecodableText, decode_text
from appliance.speech.markup import CleanText, clean_markup
from appliance.speech.word_document import MAX_BYTES, read_word

SUFFIXES = frozenset({".txt", ".md", ".docx"})
"""Supported kinds of text, by suffix of the file name."""

_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def read_document(path: Path) -> CleanText:
    """Return the text of ``path``, with blank lines between paragraphs of Markdown and Word.

    Plain text and Markdown may be in any common encoding. Code blocks of Markdown are left out, and
    markup is removed everywhere but in Word files; the result names what else was left out. Raises
    ``BadInput``: ``file_empty``, ``file_missing``, ``file_unreadable``, ``text_unreadable``,
    ``text_encoding_doubtful`` or ``text_too_long``.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            raise BadInput("file_empty", name=path.name)
        if size > MAX_BYTES:
            raise BadInput("text_too_long", name=path.name)
        suffix = path.suffix.lower()
        if suffix == ".docx":
            return CleanText(read_word(path))
        text = _decode_file(path)
    except FileNotFoundError:
        raise BadInput("file_missing", name=path.name) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput("file_unreadable", name=path.name, reason=reason) from error
    return clean_markup(_markdown_text(text) if suffix == ".md" else text)


def _decode_file(path: Path) -> str:
    try:
        text = decode_text(path.read_bytes())
    except UndecodableText as error:
        if not error.guess:
            raise BadInput("text_unreadable", name=path.name) from None
        raise BadInput("text_encoding_doubtful", name=path.name, guess=error.guess) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


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
