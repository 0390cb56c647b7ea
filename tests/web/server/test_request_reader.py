"""Requests that arrive in pieces of any size."""

from __future__ import annotations

import time

import pytest

from web.server.request_reader import (
    BUFFERED_BODY_BYTES,
    MAX_HEAD_BYTES,
    HeadTooLarge,
    IncomingRequest,
    RequestReader,
)

GET = b"GET /live?x=1 HTTP/1.1\r\nHost: box\r\nCookie: a=b; lectern=secret; c=d\r\n\r\n"
POST = b"POST /login HTTP/1.1\r\ncontent-length : 5\r\n\r\n".replace(b" :", b":")


def read_all(data: bytes, size: int) -> list[IncomingRequest]:
    """Return the requests in ``data``, which arrives ``size`` bytes at a time."""
    reader, found = RequestReader(), []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (request := reader.next_request()) is not None:
            found.append(request)
    assert reader.size == 0
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_requests_are_complete_and_separate(size: int) -> None:
    first, second, third = read_all(GET + POST + b"12345" + GET, size)
    assert first == third == IncomingRequest("GET", "/live", GET, 0, "secret")
    assert second == IncomingRequest("POST", "/login", POST + b"12345", 0, "")


def test_incomplete_request_is_not_returned() -> None:
    reader = RequestReader()
    for data in (GET[:-1], b""):
        reader.feed(data)
        assert reader.next_request() is None
    reader = RequestReader()
    reader.feed(POST + b"1234")
    assert reader.next_request() is None
    reader.feed(b"5")
    assert reader.next_request() is not None


def test_large_body_is_left_to_the_panel() -> None:
    length = BUFFERED_BODY_BYTES + 1
    head = f"PATCH /u HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode()
    reader = RequestReader()
    reader.feed(head + b"abc")
    found = reader.next_request()
    assert found == IncomingRequest("PATCH", "/u", head + b"abc", length - 3, "")
    assert reader.size == 0


@pytest.mark.parametrize(
    "field",
    [
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:x\r\nContent-Length: 3",
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Content-Length: +3",
        b"Content-Length: 3, 3",
        b"Content-Length: " + b"9" * 5000,
    ],
)
def test_ambiguous_length_ends_the_connection(field: bytes) -> None:
    """No byte after such a request is taken for another request (request smuggling)."""
    reader = RequestReader()
    reader.feed(b"POST / HTTP/1.1\r\n" + field + b"\r\n\r\n" + GET)
    found = reader.next_request()
    assert found is not None
    assert found.missing is None
    assert found.data.endswith(GET)
    assert reader.next_request() is None


def test_hostile_heads_take_no_longer_than_others() -> None:
    """Expressions that search a head may take quadratic time."""
    times = []
    for filler in (b"x", b" ", b"\t", b"\r", b";", b":", b"\r\n", b"\r\n:", b"cookie:"):
        head = b"GET / HTTP/1.1\r\nContent-Length:"
        head += filler * ((MAX_HEAD_BYTES - 100) // len(filler)) + b"x\r\n\r\n"
        began = time.process_time()
        read_all(head, len(head))
        times.append(time.process_time() - began)
    assert max(times) < 0.1


def test_too_long_head_is_refused() -> None:
    reader = RequestReader()
    reader.feed(b"GET / HTTP/1.1\r\nX: ")
    while reader.size + 1000 < MAX_HEAD_BYTES:
        reader.feed(b"x" * 1000)
        assert reader.next_request() is None
    reader.feed(b"x" * 1000)
    with pytest.raises(HeadTooLarge):
        reader.next_request()


def test_100_continue_is_wanted_once_for_each_request() -> None:
    reader = RequestReader()
    expecting = POST[:-2] + b"Expect: 100-Continue\r\n\r\n"
    for _ in range(2):
        reader.feed(expecting)
        assert reader.next_request() is None
        assert [reader.wants_continue(), reader.wants_continue()] == [True, False]
        reader.feed(b"12345")
        assert reader.next_request() is not None
    assert not reader.wants_continue()


def test_api_key_is_a_credential() -> None:
    request = read_all(b"GET / HTTP/1.1\r\nAuthorization: Bearer abc\r\n\r\n", 1000)[0]
    assert request.credential == "Bearer abc"
