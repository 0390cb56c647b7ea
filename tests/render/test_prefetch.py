from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from appliance.render.prefetch import prefetch


def test_items_are_delivered_in_order() -> None:
    with prefetch(iter(range(100)), depth=3) as items:
        assert list(items) == list(range(100))


def test_producer_runs_in_its_own_thread_within_the_depth() -> None:
    made: list[int] = []
    threads = set()
    room = threading.Semaphore(0)

    def work() -> Iterator[int]:
        for k in range(20):
            made.append(k)
            threads.add(threading.get_ident())
            room.release()
            yield k

    with prefetch(work(), depth=2) as items:
        for _ in range(4):  # two queued, one being put, and the one taken below
            if len(made) < 3:
                room.acquire(timeout=5)
        assert next(items) == 0
        assert len(made) <= 4
    assert threads and threading.get_ident() not in threads


def test_exception_is_raised_in_the_consumer() -> None:
    def work() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with prefetch(work(), depth=2) as items:
        assert next(items) == 1
        with pytest.raises(OSError, match="gone"):
            next(items)


def test_leaving_early_closes_the_iterator() -> None:
    closed = threading.Event()

    def work() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    with prefetch(work(), depth=1) as items:
        next(items)
    assert closed.is_set()


def test_prefetches_can_be_chained() -> None:
    with prefetch(iter(range(10)), 1) as first, prefetch((x * x for x in first), 1) as second:
        assert list(second) == [x * x for x in range(10)]
