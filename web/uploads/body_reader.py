"""Receive a piece of an upload within a time limit, so that slow clients do not occupy threads.

A piece occupies a server thread while it arrives. Its time limit depends on its size, and the
number of pieces received at the same time is limited. When the time is up the connection is shut
down, as if the network had failed.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import logging
import socket
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from appliance.errors import BadInput

log = logging.getLogger("lectern.panel")

BLOCK_BYTES = 1 << 18
"""Number of bytes that are read at a time."""

GRACE_S = 30.0
MIN_BYTES_PER_S = 16 * 1024
"""A piece may take ``GRACE_S`` seconds plus the time for its bytes at ``MIN_BYTES_PER_S`` bytes per
second. A phone at the edge of the Wi-Fi is faster."""


class _BodyInput(Protocol):
    def read(self, size: int, /) -> bytes: ...


class ConcurrencyLimit:
    """A limit on the number of pieces that are received at the same time.

    One owner may send ``per_owner`` of them.
    """

    def __init__(self, limit: int, per_owner: int) -> None:
        self._limit, self._per_owner = limit, per_owner
        self._lock = threading.Lock()
        self._owners: Counter[str] = Counter()

    @contextmanager
    def slot(self, owner: str) -> Iterator[None]:
        """Occupy a slot within this context.

        Raises ``BadInput("too_many_concurrent_uploads")`` if none is free.
        """
        with self._lock:
            if self._owners.total() >= self._limit or self._owners[owner] >= self._per_owner:
                raise BadInput("too_many_concurrent_uploads")
            self._owners[owner] += 1
        try:
            yield
        finally:
            with self._lock:
                self._owners -= Counter([owner])


def time_allowed_s(length: int) -> float:
    """Return the number of seconds that a piece of ``length`` bytes may take."""
    return GRACE_S + length / MIN_BYTES_PER_S


@contextmanager
def deadline(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Shut down the request's connection after ``seconds``; reading it then reaches the end."""
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is None:  # the test client has none
        yield
        return
    timer = threading.Timer(seconds, _shutdown, (connection, environ.get("REMOTE_ADDR")))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shutdown(connection: socket.socket, address: object) -> None:
    log.warning("refused %s: upload too slow", address, extra={"source": address})
    with contextlib.suppress(OSError):  # closed already
        # Not SSLSocket's method: the reading thread would then continue without decryption.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def body_blocks(source: _BodyInput, length: int) -> Iterator[bytes]:
    """Yield ``length`` bytes of a request's body in blocks.

    Raises ``OSError`` for any network error, for which servers raise various exceptions.
    """
    remaining = length
    while remaining:
        try:
            block = source.read(min(BLOCK_BYTES, remaining))
        except Exception as error:
            raise OSError("the network failed") from error
        if not block:
            raise OSError("the network failed")
        remaining -= len(block)
        yield block


class Crc32:
    """CRC-32 (ISO 3309, as in zip), most significant byte first, with hashlib's interface."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, block: bytes) -> None:
        """Add the next bytes."""
        self._value = zlib.crc32(block, self._value)

    def digest(self) -> bytes:
        """Return the checksum, four bytes."""
        return self._value.to_bytes(4, "big")


ALGORITHMS = ("crc32", "sha1", "sha256")


class Checksum:
    """The expected checksum of a piece: the value of an ``Upload-Checksum`` header.

    Raises ``BadInput("upload_checksum_unsupported")`` for an invalid header.
    """

    def __init__(self, header: str) -> None:
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise BadInput("upload_checksum_unsupported", name=algorithm[:40])
        try:
            self._wanted = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise BadInput("upload_checksum_unsupported", name=algorithm) from None
        make: Callable[[], Crc32] = Crc32
        # Not for security: SHA-1 is the algorithm that the protocol requires of every server.
        self._hash = make() if algorithm == "crc32" else hashlib.new(algorithm)

    def update(self, block: bytes) -> None:
        """Add the next bytes of the piece."""
        self._hash.update(block)

    def matches(self) -> bool:
        """Return whether the bytes added match the expected checksum."""
        return self._hash.digest() == self._wanted
