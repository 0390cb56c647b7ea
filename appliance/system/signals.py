"""Handle Ctrl-C and ``kill``, even where a library discards the exception.

Python raises ``KeyboardInterrupt`` wherever the main thread is. Inside a callback of a C library it
is only printed, so a flag is set as well, and long-running work checks it. The flag is the module's
state: signals belong to the process.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

_interrupted = threading.Event()


def install_signal_handlers() -> None:
    """Let ``SIGINT`` and ``SIGTERM`` raise ``KeyboardInterrupt``; clear earlier interrupts."""
    _interrupted.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)


def raise_if_interrupted() -> None:
    """Raise ``KeyboardInterrupt`` if a signal has been received."""
    if _interrupted.is_set():
        raise KeyboardInterrupt


def _on_signal(number: int, frame: FrameType | None) -> None:
    _interrupted.set()
    raise KeyboardInterrupt
