"""A snapshot of the device: jobs, holds, telemetry and the state of the daemon."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from appliance.errors import LecternError
from appliance.jobs.backup import (
    RESTORATION_SHOWN_S,
    read_restoration,
    restoration_error,
)
from appliance.jobs.daemon_status import DaemonStatus, DaemonStatusStore
from appliance.jobs.models import Job, Reason
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path
from appliance.telemetry.reading import Reading
from appliance.telemetry.store import TelemetryStore, telemetry_path
from web.update_lock import MARKER, is_updating

FAILED_SHOWN_S = 7 * 86400.0
"""Seconds for which a failed job stays on the page."""

READING_MAX_AGE_S = 90.0
"""Age in seconds above which a telemetry reading is ignored."""

MAX_FAILED, MAX_DONE = 8, 4
"""Number of failed and of done jobs that each user sees. The snapshot holds as many for each owner,
because users may not see all jobs."""

MAX_SHOWN = 200
"""Number of queued, of paused and of waiting jobs in a snapshot."""


@dataclass(frozen=True)
class Snapshot:
    """State of the device that the home page shows.

    ``counts`` are the numbers of all jobs by state; of those that are queued, paused or waiting,
    only the first ``MAX_SHOWN`` are included. ``queue`` is in the order of processing; ``failed``
    and ``done`` are the latest of each owner, newest first. ``reading`` is ``None`` if there is no
    recent telemetry reading. If the queue cannot be read, ``fault`` is set and the jobs are those
    of the previous snapshot.
    """

    counts: Mapping[JobState, int] = field(default_factory=lambda: dict.fromkeys(JobState, 0))
    running: tuple[Job, ...] = ()
    queue: tuple[Job, ...] = ()
    paused: tuple[Job, ...] = ()
    waiting: tuple[Job, ...] = ()
    failed: tuple[Job, ...] = ()
    done: tuple[Job, ...] = ()
    holds: tuple[Reason, ...] = ()
    reading: Reading | None = None
    daemon: DaemonStatus | None = None
    daemon_up: bool = False
    fault: Reason | None = None
    updating: bool = False
    restored: Reason | None = None

    def without_progress(self) -> Snapshot:
        """Return the snapshot without the values that change all the time.

        Pages of two snapshots with equal shapes differ only in numbers.
        """
        still = tuple(
            replace(job, stage="", done=0, total=0, heartbeat=None) for job in self.running
        )
        return replace(self, running=still, reading=None, daemon=None)


ReadSnapshot = Callable[[], Snapshot]


class SnapshotReader:
    """Reads snapshots of the device with the folder ``root``. Use it in one thread only."""

    def __init__(self, root: Path, now: Callable[[], float], marker: Path = MARKER) -> None:
        self._root, self._now, self._marker = root, now, marker
        self._store: JobStore | None = None
        self._daemon: DaemonStatusStore | None = None
        self._history: TelemetryStore | None = None
        self._last = Snapshot()

    def __call__(self) -> Snapshot:
        """Return the current snapshot."""
        updating, reading = is_updating(self._marker), self._reading()
        try:
            self._last = replace(self._read_jobs(), updating=updating, reading=reading)
        except LecternError as error:
            self.close()  # the next call opens new connections
            self._last = replace(
                self._last,
                fault=Reason.from_error(error),
                updating=updating,
                reading=reading,
                daemon_up=False,
            )
        return self._last

    def close(self) -> None:
        """Close the databases."""
        for file in (self._store, self._daemon, self._history):
            if file is not None:
                file.close()
        self._store = self._daemon = self._history = None

    def _read_jobs(self) -> Snapshot:
        path = store_path(self._root)
        if self._store is None:
            self._store = JobStore(path, now=self._now)
        if self._daemon is None:
            self._daemon = DaemonStatusStore(path, now=self._now)
        store, now = self._store, self._now()
        daemon = self._daemon.read()
        failed = [
            job
            for job in store.latest_per_owner(JobState.FAILED, MAX_FAILED)
            if now - (job.finished or 0) < FAILED_SHOWN_S
        ]
        return Snapshot(
            counts=store.counts(),
            running=tuple(store.jobs([JobState.RUNNING])),
            queue=tuple(store.order.jobs(MAX_SHOWN)),
            paused=tuple(store.jobs([JobState.PAUSED], MAX_SHOWN)),
            waiting=tuple(store.jobs([JobState.WAITING], MAX_SHOWN)),
            failed=tuple(failed),
            done=tuple(store.latest_per_owner(JobState.DONE, MAX_DONE)),
            holds=tuple(store.holds()),
            daemon=daemon,
            daemon_up=daemon is not None and daemon.is_running(now),
            restored=self._restored(now),
        )

    def _restored(self, now: float) -> Reason | None:
        """Return that a database was restored from a backup, for as long as users should see it."""
        found = read_restoration(self._root / "state")
        if found is None or now - found[1] >= RESTORATION_SHOWN_S:
            return None
        return Reason.from_error(restoration_error(found[0]))

    def _reading(self) -> Reading | None:
        try:
            if self._history is None:
                self._history = TelemetryStore(telemetry_path(self._root))
            reading = self._history.latest()
        except (sqlite3.Error, OSError, ValueError):
            return None
        return reading if reading and abs(self._now() - reading.at) < READING_MAX_AGE_S else None


def read_snapshot(root: Path, now: Callable[[], float], update_marker: Path) -> Snapshot:
    """Return a snapshot of the device with the folder ``root``, read without the poller."""
    reader = SnapshotReader(root, now, update_marker)
    try:
        return reader()
    finally:
        reader.close()
