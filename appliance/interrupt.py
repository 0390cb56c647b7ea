"""Ctrl-C and ``kill``, even where a library swallows the exception.

Python raises ``KeyboardInterrupt`` wherever the main thread is. Inside a callback of a C library it
is only printed, so a flag is set as well, and long-running work checks it.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_wished = threading.Event()


def listen_for_signals() -> None:
    """Let ``SIGINT`` and ``SIGTERM`` raise ``KeyboardInterrupt``; clear earlier interrupts."""
    _wished.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)


def stop_if_wished() -> None:
    """Raise ``KeyboardInterrupt`` if a signal has been received."""
    if _wished.is_set():
        raise KeyboardInterrupt


def _stop(number: int, frame: FrameType | None) -> None:
    _wished.set()
    raise KeyboardInterrupt
