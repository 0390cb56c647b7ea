"""Which connection is given up when there are too many."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from web.server.connection import Connection, ConnectionState
from web.server.connection_limits import BUFFERED_PER_ADDRESS, IDLE_S, ConnectionLimits

Make = Callable[..., Connection]
WAITING, READING, SENDING, HANDLING = (
    ConnectionState.WAITING,
    ConnectionState.READING,
    ConnectionState.SENDING,
    ConnectionState.HANDLING,
)


@pytest.fixture
def make() -> Iterator[Make]:
    """Return a factory of connections."""
    sockets: list[socket.socket] = []

    def connect(address: str, state: ConnectionState = WAITING, since: float = 100.0) -> Connection:
        near, far = socket.socketpair()
        sockets.extend((near, far))
        connection = Connection(near, (address, 1), ("box", 80))
        connection.state, connection.since = state, since
        return connection

    yield connect
    for one in sockets:
        one.close()


def test_address_with_too_many_is_refused(make: Make) -> None:
    limits = ConnectionLimits(10, 2)
    for _ in range(2):
        assert limits.add(make("a")) is None
    further = make("a")
    assert limits.add(further) is further
    limits.remove(further)
    assert limits.add(make("b")) is None
    assert len(limits) == 3


def test_idle_connection_is_replaced_by_one_of_its_address(make: Make) -> None:
    limits = ConnectionLimits(10, 2)
    idle, reading = make("a", since=10.0), make("a", READING, since=1.0)
    limits.add(idle)
    limits.add(reading)
    assert limits.add(make("a", since=10.0 + IDLE_S)) is idle


def test_address_with_most_loses_one_when_there_are_too_many(make: Make) -> None:
    limits = ConnectionLimits(4, 4)
    busy = [make("a", state, since=1.0) for state in (HANDLING, SENDING, READING)]
    for connection in (*busy, make("b")):
        assert limits.add(connection) is None
    for expected in (busy[2], busy[1]):
        new = make("c")
        assert limits.add(new) is expected
        limits.remove(expected)
        limits.remove(new)
        limits.add(make("d", HANDLING))
    assert len(limits) == 4


def test_request_that_is_handled_is_never_given_up(make: Make) -> None:
    limits = ConnectionLimits(2, 2)
    limits.add(make("a", HANDLING))
    limits.add(make("a", HANDLING))
    new = make("b")
    assert limits.add(new) is new


def test_oldest_of_the_same_address_is_replaced_behind_a_proxy(make: Make) -> None:
    limits = ConnectionLimits(2, 1, unlimited=["proxy"])
    oldest = make("proxy", since=1.0)
    assert limits.add(oldest) is None
    assert limits.add(make("proxy")) is None
    assert limits.add(make("proxy")) is oldest


def test_removing_twice_counts_once(make: Make) -> None:
    limits = ConnectionLimits(2, 2)
    first, second = make("a"), make("a")
    limits.add(first)
    limits.add(second)
    limits.remove(first)
    limits.remove(first)
    assert list(limits) == [second]
    assert len(limits) == 1


def test_memory_of_incomplete_requests_is_limited_by_address(make: Make) -> None:
    limits = ConnectionLimits(9, 9)
    connections = [make("a"), make("a"), make("b")]
    for connection in connections:
        limits.add(connection)
        connection.reader.feed(b"x" * (BUFFERED_PER_ADDRESS // 2))
    assert not limits.exceeds_memory(connections[0])
    connections[1].reader.feed(b"x")
    assert limits.exceeds_memory(connections[0])
    assert not limits.exceeds_memory(connections[2])
