"""The time limits of pending requests, with a clock that the test controls."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from web.server.gunicorn_worker import (
    BUSY_HEAD_TIMEOUT_S,
    HEAD_TIMEOUT_S,
    SMALL_BODY_BYTES,
    PendingRequests,
    _read_small_body,
)

Pair = tuple[socket.socket, socket.socket]


class Clock:
    """A clock in seconds that the test sets."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    made = [socket.socketpair() for _ in range(4)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def is_shut(pair: Pair) -> bool:
    """Return whether the remote side sees the end of the connection."""
    pair[1].setblocking(False)
    try:
        return pair[1].recv(1) == b""
    except BlockingIOError:
        return False


def test_only_overdue_requests_are_closed(pairs: list[Pair]) -> None:
    clock = Clock()
    watch = PendingRequests(9, 9, now=clock)
    early, done, late = (pair[0] for pair in pairs[:3])
    assert watch.add(1, early, "a")
    assert watch.add(2, done, "a")
    watch.remove(2)
    clock.time += HEAD_TIMEOUT_S
    assert watch.add(3, late, "b")
    assert watch.close_overdue() == []
    clock.time += 0.1
    assert watch.close_overdue() == ["a"]
    assert [is_shut(pair) for pair in pairs[:3]] == [True, False, False]
    assert watch.close_overdue() == []
    watch.remove(3)


def test_tls_connection_with_a_detached_socket_is_closed(
    pairs: list[Pair],
) -> None:
    clock = Clock()
    watch = PendingRequests(9, 9, now=clock)
    plain = pairs[0][0]
    assert watch.add(1, plain, "a")
    with socket.socket(fileno=plain.detach()):
        clock.time += HEAD_TIMEOUT_S + 0.1
        assert watch.close_overdue() == ["a"]
        assert is_shut(pairs[0])


def test_timeout_is_shorter_when_the_server_is_busy(pairs: list[Pair]) -> None:
    clock = Clock()
    watch = PendingRequests(9, 3, now=clock)
    for number in (0, 1):
        assert watch.add(number, pairs[number][0], "a")
    clock.time += BUSY_HEAD_TIMEOUT_S + 0.1
    assert watch.close_overdue() == []
    assert watch.add(2, pairs[2][0], "b")
    assert watch.close_overdue() == ["a", "a"]
    assert [is_shut(pair) for pair in pairs[:3]] == [True, True, False]
    watch.remove(2)


def test_requests_per_address_are_limited(pairs: list[Pair]) -> None:
    watch = PendingRequests(2, 9, now=Clock())
    first, second, third, fourth = (pair[0] for pair in pairs)
    assert watch.add(1, first, "a")
    assert watch.add(2, second, "a")
    assert not watch.add(3, third, "a")
    assert watch.add(4, fourth, "b")
    watch.remove(1)
    assert watch.add(3, third, "a")
    for request in (2, 3, 4):
        watch.remove(request)


class Body:
    """A request body as in gunicorn: data in ``buf`` is read first."""

    def __init__(self, data: bytes) -> None:
        self.buf = io.BytesIO()
        self._data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(size)


@pytest.mark.parametrize(
    ("headers", "sent", "goes_on", "ahead"),
    [
        ({}, b"", True, b""),
        ({"content-length": "4"}, b"0123", True, b"0123"),
        ({"CONTENT-LENGTH": "5"}, b"0123", False, b""),
        ({"TRANSFER-ENCODING": "chunked"}, b"0123", True, b"0123"),
        ({"CONTENT-LENGTH": str(SMALL_BODY_BYTES + 1)}, b"0123", True, b""),
    ],
)
def test_small_body_is_read_in_advance(
    pairs: list[Pair], headers: dict[str, str], sent: bytes, goes_on: bool, ahead: bytes
) -> None:
    request = SimpleNamespace(headers=list(headers.items()), body=Body(sent))
    assert _read_small_body(request, pairs[0][0]) is goes_on
    assert request.body.buf.getvalue() == ahead


def test_expect_100_continue_is_answered(pairs: list[Pair]) -> None:
    headers = [("CONTENT-LENGTH", "4"), ("EXPECT", "100-Continue")]
    request = SimpleNamespace(headers=headers, body=Body(b"0123"))
    near, far = pairs[0]
    assert _read_small_body(request, near)
    assert far.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
