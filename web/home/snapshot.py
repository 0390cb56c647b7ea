"""A snapshot of the device: jobs, holds, telemetry and the state of the daemon."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from appliance.errors import LecternError
from appliance.jobs.daemon import Daemon, DaemonRecord
from appliance.jobs.record import Job, Reason
from appliance.jobs.states import State
from appliance.jobs.store import JobStore, store_path
from appliance.telemetry.history import History, history_path
from appliance.telemetry.reading import Reading
from web.update import MARKER, is_updating

RECENT_S = 7 * 86400.0
"""Seconds for which a failed job stays on the page."""

STALE_S = 90.0
"""Age in seconds above which a telemetry reading is ignored."""

FAILED, DONE = 8, 4
"""Number of failed and of done jobs that each user sees. The snapshot holds as many for each owner,
because users may not see all jobs."""

_QUEUE = 200


@dataclass(frozen=True)
class Snapshot:
    """State of the device that the home page shows.

    ``queue`` is in the order of processing; ``failed`` and ``done`` are the latest of each owner,
    newest first. ``reading`` is ``None`` if there is no recent telemetry reading. If the queue
    cannot be read, ``fault`` is set and the jobs are those of the previous snapshot.
    """

    running: tuple[Job, ...] = ()
    queue: tuple[Job, ...] = ()
    paused: tuple[Job, ...] = ()
    waiting: tuple[Job, ...] = ()
    failed: tuple[Job, ...] = ()
    done: tuple[Job, ...] = ()
    holds: tuple[Reason, ...] = ()
    reading: Reading | None = None
    daemon: Daemon | None = None
    daemon_up: bool = False
    fault: Reason | None = None
    updating: bool = False

    def shape(self) -> Snapshot:
        """Return the snapshot without the values that change all the time.

        Pages of two snapshots with equal shapes differ only in numbers.
        """
        still = tuple(
            replace(job, stage="", done=0, total=0, heartbeat=None) for job in self.running
        )
        return replace(self, running=still, reading=None, daemon=None)


Look = Callable[[], Snapshot]


class Looker:
    """Reads snapshots of the device with the folder ``root``. Use it in one thread only."""

    def __init__(self, root: Path, now: Callable[[], float], marker: Path = MARKER) -> None:
        self._root, self._now, self._marker = root, now, marker
        self._store: JobStore | None = None
        self._daemon: DaemonRecord | None = None
        self._history: History | None = None
        self._last = Snapshot()

    def __call__(self) -> Snapshot:
        """Return the current snapshot."""
        updating, reading = is_updating(self._marker), self._reading()
        try:
            self._last = replace(self._look(), updating=updating, reading=reading)
        except LecternError as error:
            self.close()  # the next call opens new connections
            self._last = replace(
                self._last,
                fault=Reason.of(error),
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

    def _look(self) -> Snapshot:
        path = store_path(self._root)
        if self._store is None:
            self._store = JobStore(path, now=self._now)
        if self._daemon is None:
            self._daemon = DaemonRecord(path, now=self._now)
        store, now = self._store, self._now()
        daemon = self._daemon.read()
        failed = [
            job
            for job in store.latest(State.FAILED, FAILED)
            if now - (job.finished or 0) < RECENT_S
        ]
        return Snapshot(
            running=tuple(store.jobs([State.RUNNING])),
            queue=tuple(in_turn(store.jobs([State.QUEUED]))[:_QUEUE]),
            paused=tuple(store.jobs([State.PAUSED], _QUEUE)),
            waiting=tuple(store.jobs([State.WAITING], _QUEUE)),
            failed=tuple(failed),
            done=tuple(store.latest(State.DONE, DONE)),
            holds=tuple(store.holds()),
            daemon=daemon,
            daemon_up=daemon is not None and daemon.is_up(now),
        )

    def _reading(self) -> Reading | None:
        try:
            if self._history is None:
                self._history = History(history_path(self._root))
            reading = self._history.latest()
        except (sqlite3.Error, OSError, ValueError):
            return None
        return reading if reading and abs(self._now() - reading.at) < STALE_S else None


def in_turn(jobs: list[Job]) -> list[Job]:
    """Return queued jobs in the order in which the worker processes them."""
    return sorted(jobs, key=lambda job: (-job.priority, job.id))
