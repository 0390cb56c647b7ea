"""Limits on the number of connections: in total, of one address, and on what they hold in memory.

An address that has too many is refused further ones, unless one of its own has been idle for a
while. That is cheap, before a TLS handshake. When there are too many in total, the address that has
most loses one: first those that wait for a request, the oldest of them first. So a client that
opens many connections takes them from itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from web.server.connection import Connection, ConnectionState

BUFFERED_PER_ADDRESS = 1 << 20
BUFFERED_TOTAL = 8 << 20
"""Bytes of incomplete requests that are held for one address, and for all together."""

IDLE_S = 2.0
"""Seconds after which an idle connection may be replaced by a new one of the same address."""

_GIVEN_UP = ConnectionState.SENDING
"""Last state in which a connection is given up; a request that is handled is not."""


class ConnectionLimits:
    """The open connections: at most ``total``, and at most ``per_address`` of one address.

    The addresses ``unlimited`` are those of proxies on this device, whose connections belong to
    many clients: only ``total`` applies to them.
    """

    def __init__(self, total: int, per_address: int, unlimited: Collection[str] = ()) -> None:
        self._total, self._per_address = total, per_address
        self._unlimited = frozenset(unlimited)
        self._open: dict[str, dict[Connection, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Connection]:
        return (one for connections in list(self._open.values()) for one in list(connections))

    def is_unlimited(self, address: str) -> bool:
        """Return whether ``address`` is that of a proxy on this device."""
        return address in self._unlimited

    def add(self, connection: Connection) -> Connection | None:
        """Add a connection and return the one that must be closed for it, if any.

        That may be ``connection`` itself.
        """
        address = connection.address
        self._open.setdefault(address, {})[connection] = None
        self._count += 1
        if len(self._open[address]) > self._per_address and address not in self._unlimited:
            oldest = self._candidate(address, connection)
            if oldest is None or oldest.state is not ConnectionState.WAITING:
                return connection
            return oldest if connection.since - oldest.since >= IDLE_S else connection
        if self._count > self._total:
            for other in sorted(self._open, key=lambda one: len(self._open[one]), reverse=True):
                if len(self._open[other]) < len(self._open[address]):
                    break
                if (found := self._candidate(other, connection)) is not None:
                    return found
            return connection
        return None

    def remove(self, connection: Connection) -> None:
        """Remove a connection; nothing happens if it has been removed."""
        connections = self._open.get(connection.address, {})
        if connection in connections:
            del connections[connection]
            self._count -= 1
            if not connections:
                del self._open[connection.address]

    def exceeds_memory(self, connection: Connection) -> bool:
        """Return whether the requests of the connection's address, or all, take too much memory."""
        own = sum(one.reader.size for one in self._open.get(connection.address, ()))
        if own > BUFFERED_PER_ADDRESS:
            return True
        return sum(one.reader.size for one in self) > BUFFERED_TOTAL

    def _candidate(self, address: str, new: Connection) -> Connection | None:
        """Return the connection of ``address`` to give up for ``new``, if there is one."""
        found = [one for one in self._open[address] if one.state <= _GIVEN_UP and one is not new]
        return min(found, key=lambda one: (one.state, one.since), default=None)
