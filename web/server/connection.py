"""A client's connection, with or without TLS, whose socket never blocks.

One thread at a time uses a connection: first the worker's loop, which reads the request, then a
thread of the pool, which handles it, then perhaps the sender.
"""

from __future__ import annotations

import contextlib
import enum
import os
import select
import selectors
import socket
import ssl
from collections.abc import Callable

from web.server.request_reader import RequestReader

_HANDSHAKE = b"\x16"
"""First byte of a TLS connection (RFC 8446, 5.1)."""


class ConnectionState(enum.IntEnum):
    """What a connection does, in the order in which connections are given up when there are too
    many."""

    WAITING = 0
    """No byte of the next request has arrived."""
    READING = 1
    """A part of the TLS handshake or of a request has arrived."""
    CLOSING = 2
    """The last response has been sent; the client has not closed the connection yet."""
    SENDING = 3
    """The sender sends the rest of a response."""
    HANDLING = 4
    """A thread handles the request, or the request waits for a thread."""


class Connection:
    """The connection with ``client`` (address and port) on the panel's address ``server``.

    ``deadline`` is the time of the loop's clock at which it is closed in its present state, which
    it has had since ``since``. ``is_set_up`` is set when it is known whether the client uses TLS,
    and the handshake is complete; ``waits_for`` is the event of a selector that it waits for;
    ``drained`` counts the bytes that were discarded at its end.
    """

    def __init__(
        self, connection: socket.socket, client: tuple[str, int], server: tuple[str, int]
    ) -> None:
        connection.setblocking(False)
        self.socket = connection
        self.client, self.server = client, server
        self.address = client[0]
        self.reader = RequestReader()
        self.state = ConnectionState.WAITING
        self.since = self.deadline = 0.0
        self.waits_for = selectors.EVENT_READ
        self.drained = 0
        self.is_set_up = False
        self._in_handshake = False

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return isinstance(self.socket, ssl.SSLSocket)

    def set_up(self, context: Callable[[], ssl.SSLContext] | None) -> bool:
        """Continue the set-up and return whether it is complete.

        With a ``context`` a client that begins a TLS handshake is served with TLS, any other
        without. Raises ``OSError`` if the client has closed the connection or TLS fails.
        """
        if context is not None and not self._in_handshake and self._first_byte() == _HANDSHAKE:
            self._in_handshake = True
            self.socket = context().wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
                self._wait_for(error, selectors.EVENT_READ)
                return False
        self.waits_for = selectors.EVENT_READ
        self.is_set_up = True
        return True

    def _first_byte(self) -> bytes:
        first = self.socket.recv(1, socket.MSG_PEEK)
        if not first:
            raise ConnectionResetError("the client closed the connection")
        return first

    def receive(self, size: int) -> bytes | None:
        """Return up to ``size`` bytes that have arrived, ``b""`` at the end, ``None`` if there are
        none. Raises ``OSError``."""
        try:
            return self.socket.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            self._wait_for(error, selectors.EVENT_READ)
            return None

    def send(self, data: memoryview) -> int:
        """Send the start of ``data``; return the number of bytes, 0 if the client must read first.

        Raises ``OSError``.
        """
        try:
            return self.socket.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            self._wait_for(error, selectors.EVENT_WRITE)
            return 0

    def send_file(self, file: int, offset: int, size: int) -> int | None:
        """Send up to ``size`` bytes of an open file, without TLS.

        Returns the number of bytes (0 at the end of the file), or ``None`` if the client must read
        first. Raises ``OSError``.
        """
        try:
            return os.sendfile(self.socket.fileno(), file, offset, size)
        except BlockingIOError as error:
            self._wait_for(error, selectors.EVENT_WRITE)
            return None

    def receive_within(self, size: int, timeout_s: float) -> bytes:
        """Wait for up to ``size`` bytes; ``b""`` at the end. For threads of the pool.

        Raises ``TimeoutError`` if none arrives within ``timeout_s`` seconds, or ``OSError``.
        """
        while (data := self.receive(size)) is None:
            self._wait(timeout_s)
        return data

    def send_within(self, data: memoryview, timeout_s: float) -> int:
        """Wait until the start of ``data`` is sent, and return its length. For threads of the pool.

        Raises ``TimeoutError`` if nothing can be sent within ``timeout_s`` seconds, or ``OSError``.
        """
        while not (sent := self.send(data)):
            self._wait(timeout_s)
        return sent

    def end_output(self) -> None:
        """Tell the client that nothing follows, so that it still receives the last response
        (RFC 9112, 9.6)."""
        if isinstance(self.socket, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):  # closed, or never encrypted
                self.socket.unwrap()  # sends close_notify without waiting for the client's
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def drain(self, size: int) -> int | None:
        """Discard up to ``size`` bytes, below TLS; return their number, ``None`` if there are none.

        Raises ``OSError``.
        """
        try:
            return len(socket.socket.recv(self.socket, size))
        except BlockingIOError:
            return None

    def shut_down(self) -> None:
        """End the connection in both directions, below TLS, whichever thread uses it."""
        with contextlib.suppress(OSError):  # closed already
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self.shut_down()
        self.socket.close()

    def _wait(self, timeout_s: float) -> None:
        poll = select.poll()
        poll.register(
            self.socket,
            select.POLLIN if self.waits_for == selectors.EVENT_READ else select.POLLOUT,
        )
        if not poll.poll(timeout_s * 1000):
            raise TimeoutError("the client is too slow")

    def _wait_for(self, error: OSError, otherwise: int) -> None:
        if isinstance(error, ssl.SSLWantReadError):
            self.waits_for = selectors.EVENT_READ
        elif isinstance(error, ssl.SSLWantWriteError):
            self.waits_for = selectors.EVENT_WRITE
        else:
            self.waits_for = otherwise
