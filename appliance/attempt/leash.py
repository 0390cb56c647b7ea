"""Ends a child process together with its parent, however the parent ends."""

from __future__ import annotations

import os
import threading


def end_with_parent() -> None:
    """End this process as soon as its standard input, which the parent keeps open, is closed."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    os.read(0, 1)  # nothing is written to it, so this returns when the other end is closed
    os._exit(1)
