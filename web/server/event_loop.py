"""A loop over sockets that other threads can ask to run a function."""

from __future__ import annotations

import os
import queue
import selectors
from collections.abc import Callable
from functools import partial
from typing import Any

from web.server.connection import Connection

EVENT_READ, EVENT_WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class EventLoop:
    """Calls a function when a socket is ready. All methods but :meth:`call` belong to one thread.

    Opens two file descriptors, so it must be created after a fork.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._selector.register(self._wakeup, EVENT_READ, self._run_calls)

    def call(self, function: Callable[..., None], *values: object) -> None:
        """Run ``function`` in the loop's thread soon. Any thread may use this."""
        self._calls.put(partial(function, *values))
        os.eventfd_write(self._wakeup, 1)

    def watch(self, source: Any, events: int, ready: Callable[[], None]) -> None:
        """Call ``ready`` when ``source`` (anything with a file descriptor) is ready for ``events``.

        Replaces an earlier call for the same source.
        """
        try:
            self._selector.modify(source, events, ready)
        except KeyError:
            self._selector.register(source, events, ready)

    def unwatch(self, source: Any) -> None:
        """Stop watching ``source``; nothing happens if it is not watched."""
        try:
            self._selector.unregister(source)
        except (KeyError, ValueError):
            return

    def watch_connection(self, connection: Connection, ready: Callable[[], None]) -> None:
        """Watch a connection for what it waits for."""
        self.watch(connection.socket, connection.waits_for, ready)

    def run_once(self, timeout_s: float) -> None:
        """Wait for at most ``timeout_s`` seconds and call what is ready."""
        for key, _ in self._selector.select(timeout_s):
            key.data()

    def close(self) -> None:
        """Release the file descriptors."""
        self._selector.close()
        os.close(self._wakeup)

    def _run_calls(self) -> None:
        os.eventfd_read(self._wakeup)
        # Only the calls that are there now, so that new ones cannot starve the sockets.
        for _ in range(self._calls.qsize()):
            self._calls.get()()
