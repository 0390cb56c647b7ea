"""Ctrl-C and ``kill``: the wish to stop, which a library may swallow but not for long.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be. Inside a C library's
callback it is printed and forgotten, so the wish is remembered as well, and long work asks.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_wished = threading.Event()


def listen_for_signals() -> None:
    """Let ``SIGINT`` and ``SIGTERM`` raise ``KeyboardInterrupt``; earlier wishes are forgotten."""
    _wished.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)


def stop_if_wished() -> None:
    """Raises ``KeyboardInterrupt`` once somebody has wished to stop."""
    if _wished.is_set():
        raise KeyboardInterrupt


def _stop(number: int, frame: FrameType | None) -> None:
    _wished.set()
    raise KeyboardInterrupt
