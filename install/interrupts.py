"""Protect an installation from interruptions: closed output, lost connections and Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_INTERRUPT_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def print_safe(text: str) -> None:
    """Print ``text``; a closed output is ignored."""
    try:
        print(text, flush=True)
    except OSError:  # a closed pipe or terminal
        with contextlib.suppress(OSError):  # otherwise Python reports an error again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def handle_signals() -> Iterator[None]:
    """Handle SIGTERM like Ctrl-C, so that changes are undone, and ignore SIGHUP.

    A lost connection (SIGHUP) interrupts neither the installer nor the commands that it runs.
    """
    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, _raise_interrupt),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ignore_interrupts() -> Iterator[None]:
    """Ignore SIGINT and SIGTERM, so that undoing changes is not interrupted."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _INTERRUPT_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
