"""Collect a request until a thread can handle it without waiting for the client.

Only what is needed to find the request's end is read here; gunicorn's parser checks everything
again. A body that the panel accepts in general is collected too. A larger one is an upload, which
the panel reads itself, or the panel refuses it without reading it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEAD_BYTES = 32 * 1024
"""Longest head of a request. Browsers send a few kilobytes."""

BUFFERED_BODY_BYTES = 256 * 1024
"""Bodies up to this size are collected: the largest that a view accepts, except for uploads."""

_END = b"\r\n\r\n"
_COOKIE = re.compile(rb"(?:^|[; ])lectern=([^;]{1,200})")


class HeadTooLarge(Exception):
    """The head of a request exceeds ``MAX_HEAD_BYTES``."""


@dataclass(frozen=True)
class IncomingRequest:
    """A request of which enough has arrived.

    ``data`` is its head and what has arrived of its body; ``missing`` the number of bytes of the
    body that are still to come, or ``None`` if the head does not tell. ``credential`` is the value
    of the session cookie or the API key as sent, empty without one; it is not verified.
    """

    method: str
    path: str
    data: bytes
    missing: int | None
    credential: str


@dataclass(frozen=True)
class _Head:
    method: str
    path: str
    size: int
    body: int | None
    expects_continue: bool
    credential: str


class RequestReader:
    """Divides the bytes of a connection into requests."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._head: _Head | None = None
        self._continued = False

    @property
    def size(self) -> int:
        """Number of bytes held."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add the next bytes of the connection."""
        self._buffer += data

    def wants_continue(self) -> bool:
        """Return, once for each request, whether the client waits for ``100 Continue``."""
        head = self._head
        if head is None or not head.expects_continue or self._continued:
            return False
        self._continued = True
        return True

    def next_request(self) -> IncomingRequest | None:
        """Return the next request as soon as enough of it is there.

        Raises :class:`HeadTooLarge`.
        """
        head = self._head = self._head or self._find_head()
        if head is None:
            return None
        whole = head.size + (head.body or 0)
        missing = None if head.body is None else max(0, whole - len(self._buffer))
        if missing and (head.body or 0) <= BUFFERED_BODY_BYTES:
            return None
        # Without a known length everything belongs to the request; the connection ends with it.
        stop = len(self._buffer) if head.body is None else whole
        data = bytes(self._buffer[:stop])
        del self._buffer[:stop]
        self._head, self._searched, self._continued = None, 0, False
        return IncomingRequest(head.method, head.path, data, missing, head.credential)

    def _find_head(self) -> _Head | None:
        end = self._buffer.find(_END, self._searched, MAX_HEAD_BYTES)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD_BYTES:
                raise HeadTooLarge
            self._searched = max(0, len(self._buffer) - len(_END) + 1)
            return None
        return _parse(bytes(self._buffer[:end]), end + len(_END))


def _parse(head: bytes, size: int) -> _Head:
    # Split, not searched with expressions, some of which take quadratic time on hostile heads.
    first, *lines = head.split(b"\r\n")
    words = first.decode("latin-1").split(" ")
    fields: dict[bytes, list[bytes]] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), []).append(value.strip())
    return _Head(
        words[0],
        words[1].partition("?")[0] if len(words) > 1 else "",
        size,
        _body_length(fields),
        fields.get(b"expect", [b""])[0].lower() == b"100-continue",
        _credential(fields),
    )


def _body_length(fields: dict[bytes, list[bytes]]) -> int | None:
    """Return the length of the body, or ``None`` if the head does not give it unambiguously."""
    lengths = fields.get(b"content-length", [])
    if b"transfer-encoding" in fields or len(lengths) > 1:
        return None
    if not lengths:
        return 0
    # At most 18 digits: a longer number is no size, and converting it takes long.
    return int(lengths[0]) if re.fullmatch(rb"[0-9]{1,18}", lengths[0]) else None


def _credential(fields: dict[bytes, list[bytes]]) -> str:
    key = fields.get(b"authorization", [b""])[0][:200]
    found = _COOKIE.search(fields.get(b"cookie", [b""])[0])
    return (key or (found[1] if found is not None else b"")).decode("latin-1")
