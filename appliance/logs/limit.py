"""Keeps the log readable during a flood of requests: similar warnings are counted, not repeated.

Anyone in the network can make the panel refuse requests. Each refusal is worth a line, but a
million of them would push everything else out of the rotated files.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WINDOW_S = 3600.0
"""Period in seconds in which similar messages are counted."""
PER_SOURCE, PER_KIND = 20, 100
"""Number of warnings written in that period about one source, and of one kind."""
_MAX_KEPT = 2000

_Key = tuple[object, ...]


@dataclass
class _Count:
    since: float
    written: int = 0
    left_out: int = 0


class RepeatLimiter(logging.Handler):
    """Passes log records on to ``handlers``, except for warnings that repeat too often.

    Warnings and errors from the same line of code are of one kind. A record may have an attribute
    ``source``, the client that it is about. When something is left out, the last line before says
    so, and the first one after it says how much. ``monotonic`` returns seconds of a clock that only
    advances.
    """

    def __init__(
        self, handlers: Sequence[logging.Handler], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._handlers, self._monotonic = handlers, monotonic
        self._counts: dict[_Key, _Count] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write ``record`` or count it."""
        note = self._count(record) if record.levelno >= logging.WARNING else ""
        if note is None:
            return
        if note:
            record = copy.copy(record)
            record.msg, record.args = f"{record.getMessage()} ({note})", None
        for handler in self._handlers:
            handler.handle(record)

    def close(self) -> None:
        """Close the handlers."""
        for handler in self._handlers:
            handler.close()
        super().close()

    def _count(self, record: logging.LogRecord) -> str | None:
        """Return a note to be added to the message, or ``None`` if it is left out."""
        kind: _Key = (record.name, record.pathname, record.lineno)
        limits = [(kind, PER_KIND)]
        if (source := getattr(record, "source", None)) is not None:
            limits.append(((*kind, source), PER_SOURCE))
        now = self._monotonic()
        notes: list[str] = []
        counts = [self._current(key, now, notes) for key, _ in limits]
        full = [c for c, (_, most) in zip(counts, limits, strict=True) if c.written >= most]
        if full:
            for count in full:
                count.left_out += 1
            return None
        for count, (_, most) in zip(counts, limits, strict=True):
            count.written += 1
            if count.written == most:
                notes.append("further messages of this kind are left out for up to an hour")
        return "; ".join(dict.fromkeys(notes))

    def _current(self, key: _Key, now: float, notes: list[str]) -> _Count:
        """Return the count of the current period; add to ``notes`` what the last one left out."""
        count = self._counts.pop(key, None)
        if count is None or now - count.since >= WINDOW_S:
            if count is not None and count.left_out:
                notes.append(f"{count.left_out} similar messages were left out before this one")
            count = _Count(now)
        self._counts[key] = count  # at the end: used last
        while len(self._counts) > _MAX_KEPT:
            del self._counts[next(iter(self._counts))]
        return count
