"""One thread that reads snapshots for all open pages.

It runs only while pages wait for changes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from web.home.pace import Pace
from web.home.snapshot import Looker, Snapshot

log = logging.getLogger("lectern.panel")

EVERY_S = 1.0
_LINGER_S = 20.0  # after the last page has been closed


@dataclass(frozen=True)
class View:
    """A snapshot with version numbers.

    ``version`` grows with every change, ``shape`` with every change of more than numbers.
    ``left_s`` is the remaining time of the current stage in seconds, if known.
    """

    version: int
    shape: int
    snapshot: Snapshot
    left_s: float | None


class Watcher:
    """Reads a snapshot every ``every_s`` seconds with a reader created by ``make``."""

    def __init__(
        self,
        make: Callable[[], Looker],
        *,
        every_s: float = EVERY_S,
        closing: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._every_s, self.closing, self._now = make, every_s, closing, now
        self._changed = threading.Condition()
        self._poked = threading.Event()
        self._thread: threading.Thread | None = None
        self._view: View | None = None
        self._waiting = 0
        self._left_at = 0.0

    @property
    def listeners(self) -> int:
        """Number of pages that wait for changes."""
        return self._waiting

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keep the thread running within this context."""
        with self._changed:
            self._waiting += 1
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1
                self._left_at = self._now()

    def wait(self, after: int, timeout_s: float) -> View | None:
        """Return the newest view when its version is above ``after``.

        Returns ``None`` if there is none within ``timeout_s`` seconds. Must be called within
        :meth:`listening`.
        """
        with self._changed:
            if self._thread is None:  # first page, or the thread has failed
                self._thread = threading.Thread(target=self._run, name="home", daemon=True)
                self._thread.start()
            self._changed.wait_for(
                lambda: self._view is not None and self._view.version > after, timeout_s
            )
            view = self._view
        return view if view is not None and view.version > after else None

    def poke(self) -> None:
        """Read a snapshot immediately, because something has changed."""
        self._poked.set()

    def _run(self) -> None:
        looker, pace = self._make(), Pace()
        try:
            while True:
                self._look(looker, pace)
                self._poked.wait(self._every_s)
                self._poked.clear()
                with self._changed:
                    idle = not self._waiting and self._now() - self._left_at > _LINGER_S
                    if idle or self.closing():
                        self._thread = self._view = None
                        return
        except Exception:
            log.exception("the watch over the queue ended")
            with self._changed:
                self._thread = self._view = None
        finally:
            looker.close()

    def _look(self, looker: Looker, pace: Pace) -> None:
        snapshot = looker()
        left = pace.left_s(snapshot.running[0] if snapshot.running else None, self._now())
        with self._changed:
            before = self._view
            if before is not None and (before.snapshot, before.left_s) == (snapshot, left):
                return
            new_shape = before is None or before.snapshot.shape() != snapshot.shape()
            # Versions continue when the thread is restarted, because pages remember the last one.
            self._version += 1
            self._shape += new_shape
            self._view = View(self._version, self._shape, snapshot, left)
            self._changed.notify_all()

    _version = 0
    """Version of the newest view."""
    _shape = 0
    """Shape number of the newest view."""
