"""Calls into libraries with a time limit.

A call into a graphics driver may never return. It cannot be stopped, only abandoned: it keeps its
(daemon) thread, and the caller continues without it. The set of abandoned calls is kept at module
level, because it concerns the whole process.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

_Result = TypeVar("_Result")
_Call = tuple[Callable[[], Any], "Future[Any]"]

_abandoned_calls: set[Future[Any]] = set()


class CallTimeout(Exception):
    """A call did not return in time; the message is one line."""


class CallThread:
    """Makes calls one after the other in a separate thread.

    One thread, because graphics libraries keep their state per thread. After a
    :class:`CallTimeout` the object must not be used any more.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        threading.Thread(target=_run_calls, args=(self._calls,), daemon=True).start()
        weakref.finalize(self, self._calls.put, None)

    def __call__(self, call: Callable[[], _Result], timeout_s: float) -> _Result:
        """Return what ``call`` returns; raises ``CallTimeout`` after ``timeout_s`` seconds."""
        future: Future[_Result] = Future()
        self._calls.put((call, future))
        try:
            return future.result(timeout_s)
        except FutureTimeout:
            if future.done():  # raised by the call itself, a TimeoutError too
                raise
            _abandoned_calls.add(future)
            future.add_done_callback(_abandoned_calls.discard)
            raise CallTimeout(f"timed out after {timeout_s:.0f} s") from None


def _run_calls(calls: queue.SimpleQueue[_Call | None]) -> None:
    while (item := calls.get()) is not None:
        call, future = item
        try:
            future.set_result(call())
        except BaseException as error:  # passed on to the caller
            future.set_exception(error)
        del item, call, future  # else the last picture would stay in memory until the next call


def exit_if_call_hangs(status: int) -> None:
    """Exit the process with ``status`` if an abandoned call is still running.

    A regular exit would unload the library, which waits for that call.
    """
    if _abandoned_calls:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
