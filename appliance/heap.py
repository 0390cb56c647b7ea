"""Keep the heap of many threads small."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Iterator

_M_ARENA_MAX = -8  # glibc's malloc.h
_M_MMAP_THRESHOLD = -3
_M_TRIM_THRESHOLD = -1
_ARENAS = 2
_LEAST_MAPPED = 128 << 10  # glibc's own first threshold
_MOST_MAPPED = 32 << 20  # and its highest: DEFAULT_MMAP_THRESHOLD_MAX
_FREE_AT_TOP = 4 << 20  # the heap may keep so much: less would be asked for again at once


def few_arenas() -> None:
    """Let all threads share two of glibc's heaps instead of having one each.

    Pictures are allocated in one thread and freed in another, which leaves holes in every heap:
    657 MB became 546 MB at 1080p, at the same speed. Call it before threads begin; does nothing
    where the C library is another one.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def map_from(size: int) -> None:
    """Keep blocks of ``size`` bytes and more out of the heap: freed, they are gone at once.

    glibc's own threshold rises to the largest block that was ever freed, so that from the second
    chunk on whole pictures lie in the heap, and what is small between them keeps their holes. A
    block that is mapped costs a page fault for every 4 KB: ``size`` should be above what is asked
    for anew with every frame. Does nothing where the C library is another one.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, min(max(size, _LEAST_MAPPED), _MOST_MAPPED))
        mallopt(_M_TRIM_THRESHOLD, _FREE_AT_TOP)


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Import libraries inside: no garbage is looked for among what they define, then or later.

    It is fifty thousand objects, which stay: a collection took 21 ms before and takes none after.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def give_back() -> None:
    """Let go of what is in reference cycles and return free memory to the system.

    An encoder and its container refer to each other, so a chunk's is only freed by a collection:
    a minute at 1080p took 716 MB without this after every chunk, and grew with every further one.
    """
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
