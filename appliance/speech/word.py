"""Read the text of a Word file (.docx) as a stream: with constant memory and limits.

A package of a few kilobytes may describe gigabytes: millions of paragraphs, tables with millions of
columns, entities that expand, compressed zeros. Libraries that build a tree of it, such as
python-docx, take all of that memory. Here the XML is parsed piece by piece, nothing but the text is
kept, and each count has a limit.
"""

from __future__ import annotations

import errno
import io
import struct
import zipfile
from typing import IO, BinaryIO
from xml.parsers import expat

from appliance.errors import BadInput

MAX_XML_BYTES = 64_000_000
"""Maximum size of the document's XML, uncompressed; that of a novel has about ten million bytes."""

MAX_PARAGRAPHS = 200_000
MAX_ELEMENTS = 5_000_000
MAX_DEPTH = 200
MAX_DIRECTORY_BYTES = 1_000_000
"""Maximum size of the package's directory; that of a thousand pictures has about 80,000 bytes."""

_END_RECORD = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_MAX_TAIL_BYTES = _END_RECORD.size + 0xFFFF  # with the longest comment
_LOCATOR_BYTES = 20
_DOCUMENT = "word/document.xml"
_BLOCK_BYTES = 1 << 16
_NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",  # "strict" files
)
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# What is drawn beside the text or was deleted is not spoken, nor is the text of a fallback.
_SKIPPED = frozenset({"txbxContent", "del", "moveFrom", "drawing", "pict", "object", "Fallback"})


def word_text(file: BinaryIO, name: str, max_bytes: int) -> str:
    """Return the text of the Word file ``file``, with blank lines between its paragraphs.

    Paragraphs of tables come in their place, row by row. ``name`` is used in messages;
    ``max_bytes`` limits the text. Raises ``BadInput``: ``file_empty``, ``text_unreadable`` or
    ``text_too_long``; and ``OSError``.
    """
    if not file.seek(0, io.SEEK_END):
        raise BadInput("file_empty", name=name)
    reader = _Reader(max_bytes)
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as package:
            entry = package.getinfo(_DOCUMENT)
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("a compression that Word does not use and that may take gigabytes")
            if entry.file_size > MAX_XML_BYTES:
                raise _LimitExceededError
            with package.open(entry) as document:
                reader.read(document)
    except _LimitExceededError:
        raise BadInput("text_too_long", name=name) from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # of a position that a damaged directory names
            raise
        raise BadInput("text_unreadable", name=name) from error
    except Exception as error:  # a damaged package may raise any exception
        raise BadInput("text_unreadable", name=name) from error
    return "\n\n".join(reader.paragraphs)


class _LimitExceededError(Exception):
    pass


def _check_directory(file: BinaryIO) -> None:
    """Check the size of the package's directory, which zipfile holds in memory as a whole.

    Reads the "end of central directory record" (section 4.3.16 of PKWARE's APPNOTE) at the same
    place as zipfile does. Raises ``_LimitExceededError``, and ``ValueError`` for a ZIP64 package.
    """
    start = max(file.seek(0, io.SEEK_END) - _MAX_TAIL_BYTES, 0)
    file.seek(start)
    tail = file.read(_MAX_TAIL_BYTES)
    at = len(tail) - _END_RECORD.size
    if at < 0 or tail[at : at + 4] != _END_SIGNATURE or tail[-2:] != b"\0\0":
        at = tail.rfind(_END_SIGNATURE)
    if at < 0 or at + _END_RECORD.size > len(tail):
        raise ValueError("not a zip file")
    if tail[max(at - _LOCATOR_BYTES, 0) : at].startswith(b"PK\x06\x07"):
        raise ValueError("a ZIP64 package")
    _, _, _, _, _, size, _, _ = _END_RECORD.unpack_from(tail, at)
    if size > MAX_DIRECTORY_BYTES:
        raise _LimitExceededError


class _Reader:
    """Collects the paragraphs while expat parses the document."""

    def __init__(self, max_bytes: int) -> None:
        self.paragraphs: list[str] = []
        self._room = max_bytes
        self._paragraphs_seen = self._elements = self._depth = 0
        self._skipped_depth = 0  # of the outermost element that is skipped; 0 if there is none
        self._in_text = False
        self._in_run = False
        self._text: list[str] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, document: IO[bytes]) -> None:
        """Parse ``document`` to its end. Raises ``_LimitExceededError`` and errors of expat."""
        size = 0
        while block := document.read(_BLOCK_BYTES):
            size += len(block)
            if size > MAX_XML_BYTES:
                raise _LimitExceededError
            self._parser.Parse(block, False)
        self._parser.Parse(b"", True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise _LimitExceededError
        if self._skipped_depth:
            return
        namespace, _, tag = name.rpartition(" ")
        if tag in _SKIPPED:
            self._skipped_depth = self._depth
        elif namespace not in _NAMESPACES:
            return
        elif tag == "p":
            self._paragraphs_seen += 1
            if self._paragraphs_seen > MAX_PARAGRAPHS:
                raise _LimitExceededError
            self._text.clear()
        elif tag == "r":
            self._in_run = True
        elif tag == "t":
            self._in_text = self._in_run
        elif self._in_run and tag in _BREAKS:
            self._add(_BREAKS[tag])

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._skipped_depth:
            if self._depth < self._skipped_depth:
                self._skipped_depth = 0
            return
        namespace, _, tag = name.rpartition(" ")
        if namespace not in _NAMESPACES:
            return
        if tag == "t":
            self._in_text = False
        elif tag == "r":
            self._in_run = False
        elif tag == "p":
            if text := "".join(self._text).strip():
                self.paragraphs.append(text)
            self._text.clear()

    def _characters(self, data: str) -> None:
        if self._in_text and not self._skipped_depth:
            self._add(data)

    def _add(self, text: str) -> None:
        self._room -= len(text.encode())
        if self._room < 0:
            raise _LimitExceededError
        self._text.append(text)


def _refuse_doctype(*_: object) -> None:
    """Refuse a document type, and with it all entities; no word processor writes one."""
    raise ValueError("a document type declaration")
