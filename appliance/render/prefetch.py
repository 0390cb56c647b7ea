"""Run one stage of the pipeline ahead of the next, with a thread and a bounded queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

T = TypeVar("T")

_POLL_S = 0.1  # how quickly a producer notices that its consumer has stopped


@contextmanager
def prefetch(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Iterate over ``items`` in a separate thread that keeps at most ``depth`` of them queued.

    An exception raised by ``items`` is raised again in the consumer. Leaving the context early
    stops the thread and closes the iterator, so that its files are closed before the caller
    continues.
    """
    pending: queue.Queue[object] = queue.Queue(maxsize=depth)
    stop = threading.Event()
    end_marker = object()
    failure: list[BaseException] = []

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                pending.put(item, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in items:
                if not put(item):
                    break
        except BaseException as error:
            failure.append(error)
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
            put(end_marker)

    def consume() -> Iterator[T]:
        while (item := pending.get()) is not end_marker:
            yield cast(T, item)
        if failure:
            raise failure[0]

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        yield consume()
    finally:
        stop.set()
        thread.join()
