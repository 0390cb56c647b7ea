"""Wait for a call into a library for so long and no longer.

A graphics driver may never come back. Such a call cannot be ended, only left behind: it keeps its
thread, which is a daemon, and whoever called it goes on with something else.
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
    """A call did not come back in its time; the text says so in one line."""


class Caller:
    """Makes calls one after the other in one thread of its own: graphics libraries keep their
    state by thread. After an :class:`OverdueError` it is of no more use."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(self._orders,), daemon=True).start()
        weakref.finalize(self, self._orders.put, None)

    def __call__(self, call: Callable[[], _Answer], limit_s: float) -> _Answer:
        """What ``call`` returns or raises; raises ``OverdueError`` after ``limit_s`` seconds."""
        future: Future[_Answer] = Future()
        self._orders.put((call, future))
        try:
            return future.result(limit_s)
        except NotYet:
            if future.done():  # the call's own error, of the same name
                raise
            _hanging.add(future)
            future.add_done_callback(_hanging.discard)
            raise OverdueError(f"it gave no answer in {limit_s:.0f} s") from None


def _serve(orders: queue.SimpleQueue[_Order | None]) -> None:
    while (order := orders.get()) is not None:
        call, future = order
        try:
            future.set_result(call())
        except BaseException as error:  # the caller's, not this thread's
            future.set_exception(error)
        del order, call, future  # or the last picture would be kept until the next one


def leave_if_hanging(status: int) -> None:
    """End the process here with ``status`` if a call that was left behind still hangs in it.

    The ordinary way out would ask the library to tidy up, which waits for that call.
    """
    if _hanging:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
