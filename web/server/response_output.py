"""A response that is sent piece by piece, as fast as the client takes it, by whichever thread."""

from __future__ import annotations

import enum
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from web.server.connection import Connection
from web.services.downloads import FileBody

BLOCK_BYTES = 1 << 16
"""Bytes of a generated response that are held, and bytes of a file that are encrypted at once."""

TURN_BYTES = 1 << 18
"""Number of bytes that a client gets before others have their turn."""


class Output:
    """The bytes of a response that have not been sent. gunicorn writes to it as to a socket."""

    def __init__(self) -> None:
        self._pieces: deque[memoryview] = deque()
        self.size = 0

    def sendall(self, data: bytes) -> None:
        """Add bytes; they are not copied."""
        if data:
            self._pieces.append(memoryview(data))
            self.size += len(data)

    def gettimeout(self) -> float:
        """Return the timeout of a socket that never blocks."""
        return 0.0

    def next_piece(self) -> memoryview:
        """Return the next bytes to send. Small pieces are joined, to make few packets and records.

        Must not be called if ``size`` is 0. After a call the same bytes must be sent first.
        """
        first = self._pieces[0]
        if len(self._pieces) > 1 and len(first) < BLOCK_BYTES // 4:
            joined = bytearray()
            while self._pieces and len(joined) + len(self._pieces[0]) <= BLOCK_BYTES:
                joined += self._pieces.popleft()
            self._pieces.appendleft(first := memoryview(joined))
        return first

    def remove_sent(self, count: int) -> None:
        """Remove ``count`` bytes from the piece that :meth:`next_piece` has returned."""
        first = self._pieces.popleft()
        if count < len(first):
            self._pieces.appendleft(first[count:])
        self.size -= count


class Progress(enum.Enum):
    """How far :meth:`Reply.advance` has come."""

    BLOCKED = "blocked"
    """The client must take what has been sent before."""
    TURN_OVER = "turn over"
    """More could be sent; other clients have their turn."""
    NEEDS_DATA = "needs data"
    """:meth:`Reply.produce` must be called, by a thread of the pool."""
    DONE = "done"
    """Everything has been sent."""


class Reply:
    """The response of a request: what has been written to ``output``, then a file or more blocks.

    ``response`` is gunicorn's response, which frames the ``blocks``. ``on_close`` is called once,
    at the end. ``keep_alive`` tells whether the connection may be used for another request.
    """

    def __init__(
        self,
        connection: Connection,
        output: Output,
        response: Any,
        *,
        blocks: Iterator[bytes] | None = None,
        file: FileBody | None = None,
        on_close: Callable[[], None] = lambda: None,
        keep_alive: bool = False,
    ) -> None:
        self.connection, self.output, self.keep_alive = connection, output, keep_alive
        self._response, self._blocks, self._file = response, blocks, file
        self._position = file.start if file is not None else 0
        self._on_close = on_close

    def advance(self) -> Progress:
        """Send what the client takes, without waiting. Raises ``OSError``."""
        left = TURN_BYTES
        while left > 0:
            if self.output.size:
                sent = self.connection.send(self.output.next_piece())
                if not sent:
                    return Progress.BLOCKED
                self.output.remove_sent(sent)
                left -= sent
            elif self._file is not None and self._position < self._file.stop:
                sent_of_file = self._send_file(self._file, left)
                if sent_of_file is None:
                    return Progress.BLOCKED
                left -= sent_of_file
            elif self._blocks is not None:
                return Progress.NEEDS_DATA
            else:
                return Progress.DONE
        return Progress.TURN_OVER

    def _send_file(self, file: FileBody, most: int) -> int | None:
        size = min(most, file.stop - self._position)
        if self.connection.is_encrypted:
            data = os.pread(file.fileno(), min(size, BLOCK_BYTES), self._position)
            self.output.sendall(data)
            self._position += len(data)
            if not data:
                raise OSError(f"{file.path} is shorter than it was")
            return 0
        sent = self.connection.send_file(file.fileno(), self._position, size)
        if sent == 0:
            raise OSError(f"{file.path} is shorter than it was")
        self._position += sent or 0
        return sent

    @property
    def is_complete_file(self) -> bool:
        """Whether the last byte of a file has been sent."""
        return self._file is not None and not self.output.size and self._position == self._file.stop

    def complete_file(self) -> None:
        """Tell the application that the last byte of the file has been sent."""
        if self._file is not None:
            self._file.on_complete()

    def produce(self) -> None:
        """Write the next blocks to the output. Raises what the application raises."""
        while self._blocks is not None and self.output.size < BLOCK_BYTES:
            block = next(self._blocks, None)
            if block is not None:
                self._response.write(block)
            length = self._response.response_length
            if block is None or (length is not None and self._response.sent >= length):
                self._finish_blocks()

    def _finish_blocks(self) -> None:
        for block in self._blocks or ():  # the application's own end of the iteration
            self._response.write(block)
        self._blocks = None
        self._response.close()

    def close(self) -> None:
        """Release what the response holds."""
        on_close, self._on_close = self._on_close, lambda: None
        on_close()
