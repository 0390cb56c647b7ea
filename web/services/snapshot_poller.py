"""One thread that reads snapshots for all open pages.

It runs only while pages wait for changes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask

from appliance.jobs.models import Job
from web.services.snapshot import Snapshot, SnapshotReader

log = logging.getLogger("lectern.panel")

_EXTENSION = "lectern.poller"

POLL_INTERVAL_S = 1.0
_LINGER_S = 20.0  # after the last page has been closed


@dataclass(frozen=True)
class VersionedSnapshot:
    """A snapshot with version numbers.

    ``version`` grows with every change, ``shape`` with every change of more than numbers.
    ``remaining_s`` is the remaining time of the current stage in seconds, if known.
    """

    version: int
    shape: int
    snapshot: Snapshot
    remaining_s: float | None


class SnapshotPoller:
    """Reads a snapshot every ``interval_s`` seconds with a reader created by ``make``."""

    def __init__(
        self,
        make: Callable[[], SnapshotReader],
        *,
        interval_s: float = POLL_INTERVAL_S,
        closing: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._interval_s, self.closing, self._now = make, interval_s, closing, now
        self._changed = threading.Condition()
        self._refresh_requested = threading.Event()
        self._thread: threading.Thread | None = None
        self._view: VersionedSnapshot | None = None
        self._waiting = 0
        self._left_at = 0.0

    @property
    def subscribers(self) -> int:
        """Number of pages that wait for changes."""
        return self._waiting

    @contextmanager
    def subscribed(self) -> Iterator[None]:
        """Keep the thread running within this context."""
        with self._changed:
            self._waiting += 1
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1
                self._left_at = self._now()

    def wait(self, after: int, timeout_s: float) -> VersionedSnapshot | None:
        """Return the newest view when its version is above ``after``.

        Returns ``None`` if there is none within ``timeout_s`` seconds. Must be called within
        :meth:`subscribed`.
        """
        with self._changed:
            if self._thread is None:  # first page, or the thread has failed
                self._thread = threading.Thread(
                    target=self._run, name="snapshot-poller", daemon=True
                )
                self._thread.start()
            self._changed.wait_for(
                lambda: self._view is not None and self._view.version > after, timeout_s
            )
            view = self._view
        return view if view is not None and view.version > after else None

    def refresh_now(self) -> None:
        """Read a snapshot immediately, because something has changed."""
        self._refresh_requested.set()

    def _run(self) -> None:
        reader, estimator = self._make(), EtaEstimator()
        try:
            while True:
                self._read(reader, estimator)
                self._refresh_requested.wait(self._interval_s)
                self._refresh_requested.clear()
                with self._changed:
                    idle = not self._waiting and self._now() - self._left_at > _LINGER_S
                    if idle or self.closing():
                        self._thread = self._view = None
                        return
        except Exception:
            log.exception("the snapshot poller failed")
            with self._changed:
                self._thread = self._view = None
        finally:
            reader.close()

    def _read(self, reader: SnapshotReader, estimator: EtaEstimator) -> None:
        snapshot = reader()
        remaining_s = estimator.remaining_s(
            snapshot.running[0] if snapshot.running else None, self._now()
        )
        with self._changed:
            before = self._view
            if before is not None and (before.snapshot, before.remaining_s) == (
                snapshot,
                remaining_s,
            ):
                return
            new_shape = (
                before is None or before.snapshot.without_progress() != snapshot.without_progress()
            )
            # Versions continue when the thread is restarted, because pages remember the last one.
            self._version += 1
            self._shape += new_shape
            self._view = VersionedSnapshot(self._version, self._shape, snapshot, remaining_s)
            self._changed.notify_all()

    _version = 0
    """Version of the newest view."""
    _shape = 0
    """Shape number of the newest view."""


def add_poller(app: Flask, make: Callable[[], SnapshotReader], closing: Callable[[], bool]) -> None:
    """Create the poller that all live pages of ``app`` share."""
    app.extensions[_EXTENSION] = SnapshotPoller(make, closing=closing)


def get_poller(app: Flask) -> SnapshotPoller:
    """Return the poller that all live pages of ``app`` share."""
    poller: SnapshotPoller = app.extensions[_EXTENSION]
    return poller


WINDOW_S = 60.0
"""Seconds of progress from which the remaining time is estimated."""

_MIN_SPAN_S = 4.0  # a shorter observation is not reliable


class EtaEstimator:
    """Estimates the remaining time of the running job from its progress."""

    def __init__(self) -> None:
        self._key: tuple[int, str] = (0, "")
        self._samples: deque[tuple[float, int]] = deque()

    def remaining_s(self, job: Job | None, now: float) -> float | None:
        """Return the seconds to the end of the current stage of ``job``, or ``None`` if unknown.

        ``now`` is in seconds from any origin.
        """
        if job is None or not job.total:
            self._samples.clear()
            return None
        key = (job.id, job.stage)
        if key != self._key or (self._samples and job.done < self._samples[-1][1]):
            self._key = key
            self._samples.clear()
        if not self._samples or job.done > self._samples[-1][1]:
            self._samples.append((now, job.done))
        while self._samples[-1][0] - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()
        (first, start), (last, end) = self._samples[0], self._samples[-1]
        if last - first < _MIN_SPAN_S or end <= start:
            return None
        remaining = (job.total - end) * (last - first) / (end - start) - (now - last)
        return round(max(remaining, 0.0) / 5) * 5.0  # coarse, so that the text changes rarely
