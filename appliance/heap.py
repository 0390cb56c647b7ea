"""Keep the heap of many threads small."""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8  # glibc's malloc.h
_ARENAS = 2


def few_arenas() -> None:
    """Let all threads share two of glibc's heaps instead of having one each.

    Pictures are allocated in one thread and freed in another, which leaves holes in every heap:
    657 MB became 546 MB at 1080p, at the same speed. Call it before threads begin; does nothing
    where the C library is another one.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Let go of what is in reference cycles and return free memory to the system.

    An encoder and its container refer to each other, so a chunk's is only freed by a collection:
    a minute at 1080p took 716 MB without this after every chunk, and grew with every further one.
    """
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
