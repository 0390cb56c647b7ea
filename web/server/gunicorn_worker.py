"""gunicorn's threaded worker with time limits, so that slow clients do not occupy its threads.

A connection gets a thread when its first byte has arrived. The head of its request, and a small
body, must then arrive within ``HEAD_TIMEOUT_S`` seconds. Until they have arrived, one address may
occupy only a third of the threads. When half of the threads wait for such requests, the limit is
``BUSY_HEAD_TIMEOUT_S`` seconds. Large bodies are uploads, which have their own limits
(:mod:`web.uploads.body_reader`). A client must accept some bytes of the response every
``STALL_TIMEOUT_S`` seconds.

With TLS the handshake counts as part of the request's head. A client that does not start a
handshake is served without encryption, and the panel redirects it to the HTTPS address
(:mod:`web.security.https_redirect`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

from gunicorn import http
from gunicorn.workers.gthread import _DEFER, TConn, ThreadWorker

log = logging.getLogger("lectern.panel")

HEAD_TIMEOUT_S = 6.0
BUSY_HEAD_TIMEOUT_S = 1.0
STALL_TIMEOUT_S = 60.0
LINGER_TIMEOUT_S = 1.0
SMALL_BODY_BYTES = 1 << 20
"""Bodies up to this size in bytes are received before the panel handles the request."""

_HANDSHAKE = b"\x16"
"""First byte of a TLS connection (RFC 8446, 5.1)."""


class PendingRequests:
    """The requests that have not arrived completely.

    At most ``max_per_address`` of them may come from one address. From ``crowded_from`` on the
    shorter time limit applies. ``now`` returns monotonic seconds.
    """

    def __init__(
        self, max_per_address: int, crowded_from: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._crowd, self._now = max_per_address, crowded_from, now
        self._lock = threading.Lock()
        self._arriving: dict[Hashable, tuple[socket.socket, str, float]] = {}

    def add(self, request: Hashable, connection: socket.socket, address: str) -> bool:
        """Register a request.

        Returns ``False`` if its address already has ``max_per_address`` of them.
        """
        with self._lock:
            counts = Counter(other for _, other, _ in self._arriving.values())
            if counts[address] >= self._most:
                return False
            # A duplicate, because TLS takes over the connection's file descriptor; another
            # connection may have its number by the time that this one is overdue.
            handle = socket.socket(fileno=os.dup(connection.fileno()))
            self._arriving[request] = (handle, address, self._now())
        return True

    def remove(self, request: Hashable) -> None:
        """Remove a request that has arrived or has lost its connection."""
        with self._lock:
            found = self._arriving.pop(request, None)
        if found is not None:
            found[0].close()

    def close_overdue(self) -> list[str]:
        """Shut down the overdue connections and return their addresses.

        The threads that read from them then reach the end of the stream.
        """
        with self._lock:
            now = self._now()
            allowed = HEAD_TIMEOUT_S if len(self._arriving) < self._crowd else BUSY_HEAD_TIMEOUT_S
            overdue = [r for r, (_, _, at) in self._arriving.items() if now - at > allowed]
            found = [self._arriving.pop(request) for request in overdue]
        for handle, _, _ in found:
            _shutdown(handle)
            handle.close()
        return [address for _, address, _ in found]


class SlowClientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The gthread worker with time limits for requests that have not arrived completely."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending = PendingRequests(max(4, self.cfg.threads // 3), self.cfg.threads // 2)

    def notify(self) -> None:
        """Shut down overdue connections. The main loop calls this at least once a second."""
        super().notify()
        for address, count in Counter(self._pending.close_overdue()).items():
            log.warning("refused %s: %d requests arrived too slowly", address, count)

    def enqueue_req(self, conn: TConn) -> None:
        """Let a connection without data wait in the main loop and not in a thread."""
        if conn.initialized or conn.wait_for_data(0):
            super().enqueue_req(conn)
        else:
            self.finish_request(conn, _NoReply())

    def handle(self, conn: TConn) -> Any:
        """Handle one request in a thread, if its address may have another one."""
        address = str(conn.client[0]) if conn.client else ""
        if not self._pending.add(conn, conn.sock, address):
            log.warning("refused %s: too many pending requests", address)
            _shutdown(conn.sock)
            return False
        try:
            keep_alive = self._tls_ready(conn) and super().handle(conn)
        finally:
            self._pending.remove(conn)
        if keep_alive is False:
            _close_gracefully(conn.sock)
        return keep_alive

    def _tls_ready(self, conn: TConn) -> bool:
        """Return whether the connection is ready: TLS is set up, or is not used."""
        if conn.initialized or not self.cfg.is_ssl:
            return True
        conn.sock.setblocking(True)
        try:
            if conn.sock.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
                conn.init()
            else:
                conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
                conn.initialized = True
        except OSError as error:  # e.g. a browser that does not trust the certificate
            log.debug("TLS handshake with %s failed: %s", conn.client, error)
            return False
        return True

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Handle a request after its head, and its body if that is small, have arrived."""
        if not _read_small_body(req, conn.sock):
            return False
        self._pending.remove(conn)
        conn.sock.settimeout(STALL_TIMEOUT_S)
        if self.cfg.is_ssl and not isinstance(conn.sock, ssl.SSLSocket):
            req.scheme = "http"
        return super().handle_request(req, conn)


class _NoReply:
    """Result for gunicorn's main loop of a connection on which no byte has arrived."""

    def cancelled(self) -> bool:
        return False

    def result(self) -> object:
        return _DEFER


def _read_small_body(req: Any, connection: socket.socket) -> bool:
    """Read a small body in advance. Returns ``False`` if it did not arrive completely."""
    headers = {name.upper(): value for name, value in req.headers}
    length = headers.get("CONTENT-LENGTH", "")
    if not length and "TRANSFER-ENCODING" not in headers:
        return True
    if length.isdigit() and int(length) > SMALL_BODY_BYTES:
        return True
    if headers.get("EXPECT", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    data = req.body.read(SMALL_BODY_BYTES)
    if length.isdigit() and len(data) < int(length):
        return False
    req.body.buf.write(data)  # the panel reads it from there
    return True


def _close_gracefully(connection: socket.socket) -> None:
    """Close a connection so that the client still receives the last response (RFC 9112, 9.6).

    gunicorn would wait for the client in its main thread and block all others.
    """
    until, drained = time.monotonic() + LINGER_TIMEOUT_S, 0
    if isinstance(connection, ssl.SSLSocket):
        with contextlib.suppress(OSError, ValueError):  # closed, or never encrypted
            connection.setblocking(False)
            connection.unwrap()  # sends close_notify without waiting for the client's
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)
        while drained < SMALL_BODY_BYTES and (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            block = socket.socket.recv(connection, 1 << 16)
            if not block:
                break
            drained += len(block)
    _shutdown(connection)


def _shutdown(connection: socket.socket) -> None:
    """Shut down the TCP connection, below TLS."""
    with contextlib.suppress(OSError):  # closed already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
