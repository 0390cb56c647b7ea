"""gunicorn's threaded worker, patient up to a point: slow senders do not hold its threads.

A connection gets a thread when its first byte is there. The head of its request, and the body
where that is small, must then arrive within ``HEAD_S``; until they have, one address may hold only
a third of the threads. When half of the threads wait for such requests, those are given ``HURRY_S``
only. Large bodies are the uploads', which watch their own pace (:mod:`web.uploads.receive`).
Whoever is sent something must take a bit of it every ``STALL_S``.

With encryption the handshake counts as part of the request's head. Who does not begin with one gets
the same panel in the clear, which sends browsers to the encrypted address
(:mod:`web.security.secure`).
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

HEAD_S = 6.0
HURRY_S = 1.0
STALL_S = 60.0
LINGER_S = 1.0
SMALL_BODY = 1 << 20
"""Bytes of a body that is awaited before the panel sees the request."""

_HANDSHAKE = b"\x16"
"""What a TLS connection begins with (RFC 8446, 5.1)."""


class Watch:
    """Requests that are still arriving: ``most`` from one address; with ``crowd`` of them in all
    they have to hurry. ``now`` tells seconds that never jump."""

    def __init__(self, most: int, crowd: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._crowd, self._now = most, crowd, now
        self._lock = threading.Lock()
        self._arriving: dict[Hashable, tuple[socket.socket, str, float]] = {}

    def begin(self, request: Hashable, connection: socket.socket, address: str) -> bool:
        """A request begins; ``False`` when its address has ``most`` that have not arrived."""
        with self._lock:
            counts = Counter(other for _, other, _ in self._arriving.values())
            if counts[address] >= self._most:
                return False
            # A handle of its own: encryption takes the connection's number over, and another may
            # have got it by the time that this one is late.
            handle = socket.socket(fileno=os.dup(connection.fileno()))
            self._arriving[request] = (handle, address, self._now())
        return True

    def end(self, request: Hashable) -> None:
        """It has arrived, or its connection is gone."""
        with self._lock:
            found = self._arriving.pop(request, None)
        if found is not None:
            found[0].close()

    def shut_late(self) -> list[str]:
        """Shut what has taken too long; gives the addresses. Its threads then read the end."""
        with self._lock:
            now = self._now()
            allowed = HEAD_S if len(self._arriving) < self._crowd else HURRY_S
            late = [r for r, (_, _, at) in self._arriving.items() if now - at > allowed]
            found = [self._arriving.pop(request) for request in late]
        for handle, _, _ in found:
            _shut(handle)
            handle.close()
        return [address for _, address, _ in found]


class PatientWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The gthread worker with such a watch."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._watch = Watch(max(4, self.cfg.threads // 3), self.cfg.threads // 2)

    def notify(self) -> None:
        """Called by the main loop, once a second at least."""
        super().notify()
        for address, count in Counter(self._watch.shut_late()).items():
            log.warning("refused %s: %d requests that hardly moved", address, count)

    def enqueue_req(self, conn: TConn) -> None:
        """A silent connection waits with all others instead of in a thread of its own."""
        if conn.initialized or conn.wait_for_data(0):
            super().enqueue_req(conn)
        else:
            self.finish_request(conn, _Silent())

    def handle(self, conn: TConn) -> Any:
        """One request, in a thread, if its address may have one more."""
        address = str(conn.client[0]) if conn.client else ""
        if not self._watch.begin(conn, conn.sock, address):
            log.warning("refused %s: too many requests that hardly move", address)
            _shut(conn.sock)
            return False
        try:
            kept = self._greeted(conn) and super().handle(conn)
        finally:
            self._watch.end(conn)
        if kept is False:
            _part(conn.sock)
        return kept

    def _greeted(self, conn: TConn) -> bool:
        """Whether the encryption, where there is one, stands, or the other side does without."""
        if conn.initialized or not self.cfg.is_ssl:
            return True
        conn.sock.setblocking(True)
        try:
            if conn.sock.recv(1, socket.MSG_PEEK) == _HANDSHAKE:
                conn.init()
            else:
                conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
                conn.initialized = True
        except OSError as error:  # a browser that does not trust the certificate, for one
            log.debug("no encryption with %s: %s", conn.client, error)
            return False
        return True

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Its head is here; with a small body the panel sees it when that is here as well."""
        if not _take_small_body(req, conn.sock):
            return False
        self._watch.end(conn)
        conn.sock.settimeout(STALL_S)
        if self.cfg.is_ssl and not isinstance(conn.sock, ssl.SSLSocket):
            req.scheme = "http"
        return super().handle_request(req, conn)


class _Silent:
    """What a thread that waited in vain for the first byte gives to gunicorn's main loop."""

    def cancelled(self) -> bool:
        return False

    def result(self) -> object:
        return _DEFER


def _take_small_body(req: Any, connection: socket.socket) -> bool:
    """Read a small body ahead; ``False`` when its end did not come."""
    headers = {name.upper(): value for name, value in req.headers}
    length = headers.get("CONTENT-LENGTH", "")
    if not length and "TRANSFER-ENCODING" not in headers:
        return True
    if length.isdigit() and int(length) > SMALL_BODY:
        return True
    if headers.get("EXPECT", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    data = req.body.read(SMALL_BODY)
    if length.isdigit() and len(data) < int(length):
        return False
    req.body.buf.write(data)  # given back: the panel reads it from there
    return True


def _part(connection: socket.socket) -> None:
    """End a connection so that the other side still gets the last answer (RFC 9112, 9.6).

    gunicorn would wait for the other side in its main thread, where everybody waits with it.
    """
    until, drained = time.monotonic() + LINGER_S, 0
    if isinstance(connection, ssl.SSLSocket):
        with contextlib.suppress(OSError, ValueError):  # gone, or never encrypted
            connection.setblocking(False)
            connection.unwrap()  # says that this is all; the other side's word is not awaited
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_WR)
        while drained < SMALL_BODY and (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            block = socket.socket.recv(connection, 1 << 16)
            if not block:
                break
            drained += len(block)
    _shut(connection)


def _shut(connection: socket.socket) -> None:
    """The TCP connection itself, whatever is spoken on it."""
    with contextlib.suppress(OSError):  # gone already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
