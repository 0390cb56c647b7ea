"""Let one stage of the pipeline work ahead of the next: a thread and a bounded queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

T = TypeVar("T")

_POLL_S = 0.1  # how soon an abandoned stage notices that nobody takes its items any more


@contextmanager
def ahead(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """Iterate ``items`` in a thread of their own, at most ``depth`` of them waiting.

    What the stage raises is raised where its items are taken. Leaving the context early stops the
    stage and closes its iterator, so that files are let go of before the caller goes on.
    """
    line: queue.Queue[object] = queue.Queue(maxsize=depth)
    stop = threading.Event()
    end = object()
    failure: list[BaseException] = []

    def put(item: object) -> bool:
        while not stop.is_set():
            try:
                line.put(item, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
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
            put(end)

    def take() -> Iterator[T]:
        while (item := line.get()) is not end:
            yield cast(T, item)
        if failure:
            raise failure[0]

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stop.set()
        thread.join()
