"""Reading a piece from the network, but not from whoever sends it on purpose too slowly.

A server thread is held while a piece arrives, so a piece has a time limit by its size, and only so
many are received at once. When time is up the connection is shut, as if the network had failed.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from appliance.errors import BadInput

log = logging.getLogger("lectern.panel")

BLOCK = 1 << 18
"""Bytes read at a time."""

GRACE_S = 30.0
SLOWEST = 16 * 1024
"""A piece may take ``GRACE_S`` seconds and what its bytes take at ``SLOWEST`` bytes a second: a
phone at the edge of the Wi-Fi is faster."""


class _Input(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Gate:
    """Lets ``places`` pieces in at a time."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Raises ``BadInput("upload_crowded")`` when all places are taken."""
        if not self._free.acquire(blocking=False):
            raise BadInput("upload_crowded")
        try:
            yield
        finally:
            self._free.release()


def allowed_s(length: int) -> float:
    """Seconds that a piece of ``length`` bytes may take."""
    return GRACE_S + length / SLOWEST


@contextmanager
def deadline(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Shut the request's connection after ``seconds``; whoever reads it then finds its end."""
    connection = environ.get("gunicorn.socket") or environ.get("werkzeug.socket")
    if connection is None:  # the test client has none
        yield
        return
    timer = threading.Timer(seconds, _shut, (connection, environ.get("REMOTE_ADDR")))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(connection: socket.socket, address: object) -> None:
    log.warning("refused %s: an upload that hardly moves", address)
    with contextlib.suppress(OSError):  # it is gone already
        # Not SSLSocket's own: that would let the thread which reads go on without decrypting.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def blocks(source: _Input, length: int) -> Iterator[bytes]:
    """``length`` bytes of a request's body, block by block.

    Servers tell a network that failed in ways of their own; here it is always ``OSError``.
    """
    left = length
    while left:
        try:
            block = source.read(min(BLOCK, left))
        except Exception as error:
            raise OSError("the network failed") from error
        if not block:
            raise OSError("the network failed")
        left -= len(block)
        yield block
