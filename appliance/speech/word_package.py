"""Read the parts of a Word file (.docx) as streams: with constant memory and limits.

A package of a few kilobytes may describe gigabytes: millions of paragraphs, tables with millions of
columns, entities that expand, compressed zeros. Libraries that build a tree of it, such as
python-docx, take all of that memory. Here the XML is parsed piece by piece, and each count has a
limit.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
from typing import IO, BinaryIO
from xml.parsers import expat

MAX_XML_BYTES = 64_000_000
"""Maximum size of the document's XML, uncompressed; that of a novel has about ten million bytes."""

MAX_ELEMENTS = 5_000_000
MAX_DEPTH = 200
MAX_DIRECTORY_BYTES = 1_000_000
"""Maximum size of the package's directory; that of a thousand pictures has about 80,000 bytes."""

_END_RECORD = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_MAX_TAIL_BYTES = _END_RECORD.size + 0xFFFF  # with the longest comment
_LOCATOR_BYTES = 20
_BLOCK_BYTES = 1 << 16
_MAX_RELATIONSHIPS = 10_000
_DOCUMENT = "word/document.xml"


class WordLimitError(Exception):
    """A Word file describes more than any document that people write."""


class XmlStream:
    """Parses XML piece by piece; subclasses override what they need.

    Raises ``WordLimitError`` for more elements or levels than the limits, and errors of expat.
    """

    def __init__(self) -> None:
        self.depth = 0
        """Number of open elements; that of the root is 1."""
        self._elements = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self.characters

    def read(self, source: IO[bytes]) -> None:
        """Parse ``source`` to its end."""
        size = 0
        while block := source.read(_BLOCK_BYTES):
            size += len(block)
            if size > MAX_XML_BYTES:
                raise WordLimitError
            self._parser.Parse(block, False)
        self._parser.Parse(b"", True)

    def start(self, namespace: str, tag: str, attributes: dict[str, str]) -> None:
        """An element starts; ``attributes`` are by their names without namespaces."""

    def end(self, namespace: str, tag: str) -> None:
        """An element ends; ``depth`` still counts it."""

    def characters(self, data: str) -> None:
        """Text follows."""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self._elements += 1
        if self._elements > MAX_ELEMENTS or self.depth > MAX_DEPTH:
            raise WordLimitError
        namespace, _, tag = name.rpartition(" ")
        values = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        self.start(namespace, tag, values)

    def _end(self, name: str) -> None:
        namespace, _, tag = name.rpartition(" ")
        self.end(namespace, tag)
        self.depth -= 1


class WordPackage:
    """An open Word file. Raises ``WordLimitError`` and the errors of zipfile and expat."""

    def __init__(self, file: BinaryIO) -> None:
        _check_directory(file)
        self._zip = zipfile.ZipFile(file)
        self.document = self._related("", "officeDocument") or _DOCUMENT
        """The name of the part that contains the text."""

    def read(self, name: str, stream: XmlStream) -> None:
        """Parse the part ``name``."""
        entry = self._zip.getinfo(name)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("a compression that Word does not use and that may take gigabytes")
        if entry.file_size > MAX_XML_BYTES:
            raise WordLimitError
        with self._zip.open(entry) as part:
            stream.read(part)

    def read_related(self, kind: str, stream: XmlStream) -> None:
        """Parse the part of the given kind that belongs to the document, if there is one."""
        name = self._related(self.document, kind)
        if name is not None:
            self.read(name, stream)

    def _related(self, name: str, kind: str) -> str | None:
        """Return the part to which ``name`` (empty: the package) has a relationship of a kind."""
        folder, file = posixpath.split(name)
        relationships = _Relationships(kind)
        source = posixpath.join(folder, "_rels", f"{file}.rels")
        if source not in self._zip.NameToInfo:
            return None
        self.read(source, relationships)
        if relationships.target is None:
            return None
        # A target may begin with a slash: the root of the package.
        target = posixpath.normpath(posixpath.join("/", folder, relationships.target)).lstrip("/")
        return target if target in self._zip.NameToInfo else None


class _Relationships(XmlStream):
    """Finds the target of the first relationship of a kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.target: str | None = None
        self._kind = kind
        self._seen = 0

    def start(self, namespace: str, tag: str, attributes: dict[str, str]) -> None:
        self._seen += 1
        if self._seen > _MAX_RELATIONSHIPS:
            raise WordLimitError
        matches = attributes.get("Type", "").rpartition("/")[2] == self._kind
        if self.target is None and matches and attributes.get("TargetMode") != "External":
            self.target = attributes.get("Target")


def _check_directory(file: BinaryIO) -> None:
    """Check the size of the package's directory, which zipfile holds in memory as a whole.

    Reads the "end of central directory record" (section 4.3.16 of PKWARE's APPNOTE) at the same
    place as zipfile does. Raises ``WordLimitError``, and ``ValueError`` for a ZIP64 package.
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
        raise WordLimitError


def _refuse_doctype(*_: object) -> None:
    """Refuse a document type, and with it all entities; no word processor writes one."""
    raise ValueError("a document type declaration")
