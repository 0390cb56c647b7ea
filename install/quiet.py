"""What must not leave a box half changed: a reader that went away, a lost connection, haste."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)


def tell(text: str) -> None:
    """Print ``text``, if anybody still reads."""
    try:
        print(text, flush=True)
    except OSError:  # a closed pipe, or a terminal that is gone
        with contextlib.suppress(OSError):  # or Python would complain about the rest at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def to_the_end() -> Iterator[None]:
    """SIGTERM interrupts as Ctrl-C does, so that what was done is taken back. A lost connection
    (SIGHUP) interrupts nothing, neither here nor in the commands that are run."""
    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, _interrupt),
        signal.SIGHUP: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Taking back is not interrupted by a second Ctrl-C."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
