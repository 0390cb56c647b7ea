"""Slow clients do not block others, with and without TLS."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from tests.web.served import Served

pytestmark = pytest.mark.slow

LONG = "LECTERN_LONG" in os.environ
THREADS, SENDERS = (72, 280) if LONG else (8, 12)
"""More than there are threads; as many connections as the panel holds, less a few."""

HEAD = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
HALVES = (
    HEAD + b"X-Slow: ",
    HEAD + b"Content-Length: 50000\r\n\r\n",
    b"PATCH /api/v1/uploads/" + b"0" * 32 + b" HTTP/1.1\r\n",
    b"",
)
GREETING = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""A TLS handshake that has just begun: 500 of its 512 bytes are still to come."""


def connect(port: int, number: int) -> socket.socket:
    """Connect from one of three addresses, which together may occupy all threads."""
    address = f"127.0.0.{2 + number % 3}"
    return socket.create_connection(("127.0.0.1", port), source_address=(address, 0))


def encrypted(plain: socket.socket) -> socket.socket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def begin(port: int, number: int, tls: bool) -> socket.socket | None:
    """Send the start of request ``number``; return ``None`` if it was refused."""
    sender = connect(port, number)
    try:
        said = HALVES[number % len(HALVES)]
        if tls and number < THREADS // 2:
            sender = encrypted(sender)
        elif tls:
            said = GREETING
        sender.sendall(said)
    except OSError:
        sender.close()
        return None
    return sender


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_slow_clients_do_not_block_others(tmp_path: Path, tls: bool) -> None:
    """Incomplete requests and handshakes that send a byte now and then."""
    with Served(tmp_path, threads=THREADS, tls=tls) as served, contextlib.ExitStack() as opened:
        found = [begin(served.port, number, tls) for number in range(SENDERS)]
        slow = [opened.enter_context(sender) for sender in found if sender is not None]
        answered = threading.Event()

        def ask() -> None:
            assert served.get("/healthz")[0] == 200
            answered.set()

        asking = threading.Thread(target=ask)
        began = time.monotonic()
        asking.start()
        while not answered.wait(0.5):
            assert time.monotonic() < began + 60
            send_slowly(slow)
        asking.join()
        print(f"\nanswered after {time.monotonic() - began:.1f} s", end="")
        while LONG and send_slowly(slow):  # until the panel has hung up on all of them
            assert time.monotonic() < began + 600
            time.sleep(0.5)
        while "requests arrived too slowly" not in served.log.read_text():  # closed, then logged
            assert time.monotonic() < began + 600
            time.sleep(0.1)


def send_slowly(senders: list[socket.socket]) -> int:
    """Send one further byte on each connection; return how many are still open."""
    heard = 0
    for sender in senders:
        with contextlib.suppress(OSError):
            sender.sendall(b"x")
            heard += 1
    return heard
