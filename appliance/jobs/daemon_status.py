"""The daemon's status row: whether the daemon is running, and how the previous one ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.jobs.database import DatabaseClient
from appliance.system.elapsed import read_boot_id

HEARTBEAT_INTERVAL_S = 5.0
"""Interval between two heartbeats of the daemon, in seconds."""

HEARTBEAT_TIMEOUT_S = 30.0
"""Without a heartbeat for this many seconds, the daemon counts as down."""


@dataclass(frozen=True)
class DaemonStatus:
    """Status of the running daemon, or of the last one. Times are seconds since 1970, UTC.

    ``boot_id`` is the kernel's boot ID, which differs after every start of the device; it is empty
    where the kernel does not provide one. ``stopped_cleanly`` is true after an orderly shutdown.
    ``provider``, ``model`` and ``precision`` are those of the last rendered video, and empty
    before the first one.
    """

    version: str
    pid: int
    boot_id: str
    started: float
    last_heartbeat: float
    stopped_cleanly: bool
    provider: str
    model: str
    precision: str

    def is_running(self, now: float) -> bool:
        """Return whether the daemon counts as running at the time ``now``."""
        return not self.stopped_cleanly and abs(now - self.last_heartbeat) <= HEARTBEAT_TIMEOUT_S


class DaemonStatusStore(DatabaseClient):
    """Access to the single row of the ``daemon`` table. To be used from one thread.

    Every method may raise ``Fault`` as :class:`~appliance.jobs.store.JobStore`'s do.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.time,
        boot_id: Callable[[], str] = read_boot_id,
    ) -> None:
        super().__init__(path)
        self._now = now
        self._boot_id = boot_id

    def read(self) -> DaemonStatus | None:
        """Return the daemon's status; ``None`` before its first start."""
        rows = self._database.read("SELECT * FROM daemon")
        if not rows:
            return None
        values = {key: rows[0][key] for key in DaemonStatus.__dataclass_fields__}
        return DaemonStatus(**{**values, "stopped_cleanly": bool(values["stopped_cleanly"])})

    def record_start(self, version: str, pid: int) -> DaemonStatus | None:
        """Record the start of a daemon and return the status of the previous one.

        The previous provider, model and precision are kept until the next video is rendered.
        """
        previous, now = self.read(), self._now()
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO daemon (id, version, pid, boot_id, started, last_heartbeat)"
                " VALUES (1, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET version = excluded.version, pid = excluded.pid,"
                " boot_id = excluded.boot_id, started = excluded.started,"
                " last_heartbeat = excluded.last_heartbeat, stopped_cleanly = 0",
                (version, pid, self._boot_id(), now, now),
            )
        return previous

    def heartbeat(self) -> None:
        """Record a heartbeat."""
        with self._database.write() as connection:
            connection.execute("UPDATE daemon SET last_heartbeat = ?", (self._now(),))

    def record_inference(self, provider: str, model: str, precision: str) -> None:
        """Record the provider, model and precision of the last rendered video."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE daemon SET provider = ?, model = ?, precision = ?",
                (provider, model, precision),
            )

    def record_stop(self) -> None:
        """Record an orderly shutdown of the daemon."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE daemon SET stopped_cleanly = 1, last_heartbeat = ?", (self._now(),)
            )
