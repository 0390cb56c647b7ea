"""Receive a piece of an upload within a time limit, so that slow clients do not occupy threads.

A piece occupies a server thread while it arrives. Its time limit depends on its size, and the
number of pieces received at the same time is limited. When the time is up the connection is shut
down, as if the network had failed.
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
"""Number of bytes that are read at a time."""

GRACE_S = 30.0
SLOWEST = 16 * 1024
"""A piece may take ``GRACE_S`` seconds plus the time for its bytes at ``SLOWEST`` bytes a second; a
phone at the edge of the Wi-Fi is faster."""


class _Input(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Gate:
    """A limit on the number of pieces that are received at the same time."""

    def __init__(self, places: int) -> None:
        self._free = threading.BoundedSemaphore(places)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Occupy a slot within this context.

        Raises ``BadInput("upload_crowded")`` if none is free.
        """
        if not self._free.acquire(blocking=False):
            raise BadInput("upload_crowded")
        try:
            yield
        finally:
            self._free.release()


def allowed_s(length: int) -> float:
    """Return the number of seconds that a piece of ``length`` bytes may take."""
    return GRACE_S + length / SLOWEST


@contextmanager
def deadline(environ: Mapping[str, Any], seconds: float) -> Iterator[None]:
    """Shut down the request's connection after ``seconds``; reading it then reaches the end."""
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
    with contextlib.suppress(OSError):  # closed already
        # Not SSLSocket's method: the reading thread would then continue without decryption.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def blocks(source: _Input, length: int) -> Iterator[bytes]:
    """Yield ``length`` bytes of a request's body in blocks.

    Raises ``OSError`` for any network error, for which servers raise various exceptions.
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
