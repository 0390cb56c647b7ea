"""Calls into libraries with a time limit.

A call into a graphics driver may never return. It cannot be stopped, only abandoned: it keeps its
(daemon) thread, and the caller continues without it. The module keeps the set of abandoned calls,
because it concerns the whole process.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, TypeVar

_Answer = TypeVar("_Answer")
_Order = tuple[Callable[[], Any], "Future[Any]"]

_hanging: set[Future[Any]] = set()


class OverdueError(Exception):
    """A call did not return in time; the text says so in one line."""


class Caller:
    """Makes calls one after the other in a thread of its own.

    One thread, because graphics libraries keep their state per thread. After an
    :class:`OverdueError` the object must not be used any more.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(self._orders,), daemon=True).start()
        weakref.finalize(self, self._orders.put, None)

    def __call__(self, call: Callable[[], _Answer], limit_s: float) -> _Answer:
        """Return what ``call`` returns; raises ``OverdueError`` after ``limit_s`` seconds."""
        future: Future[_Answer] = Future()
        self._orders.put((call, future))
        try:
            return future.result(limit_s)
        except NotYet:
            if future.done():  # raised by the call itself, a TimeoutError too
                raise
            _hanging.add(future)
            future.add_done_callback(_hanging.discard)
            raise OverdueError(f"it gave no answer in {limit_s:.0f} s") from None


def _serve(orders: queue.SimpleQueue[_Order | None]) -> None:
    while (order := orders.get()) is not None:
        call, future = order
        try:
            future.set_result(call())
        except BaseException as error:  # passed on to the caller
            future.set_exception(error)
        del order, call, future  # else the last picture would stay in memory until the next call


def leave_if_hanging(status: int) -> None:
    """Exit the process with ``status`` if an abandoned call is still running.

    A regular exit would unload the library, which waits for that call.
    """
    if _hanging:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
