"""The daemon's status row: whether the daemon is running, and how the previous one ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.jobs.schema import Tables

BEAT_S = 5.0
"""Interval between two heartbeats of the daemon, in seconds."""

PATIENCE_S = 30.0
"""Without a heartbeat for this many seconds, the daemon counts as down."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Daemon:
    """Status of the running daemon, or of the last one. Times are seconds since 1970, UTC.

    ``boot`` is the kernel's boot ID, which differs after every start of the device; it is empty
    where the kernel does not provide one. ``ended`` is true after an orderly shutdown.
    ``provider``, ``model`` and ``precision`` are those of the last rendered video, and empty
    before the first one.
    """

    version: str
    pid: int
    boot: str
    started: float
    at: float
    ended: bool
    provider: str
    model: str
    precision: str

    def is_up(self, now: float) -> bool:
        """Return whether the daemon counts as running at the time ``now``."""
        return not self.ended and abs(now - self.at) <= PATIENCE_S


class DaemonRecord(Tables):
    """Access to the single row of the ``daemon`` table. To be used from one thread.

    Every method may raise ``Fault`` as :class:`~appliance.jobs.store.JobStore`'s do.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.time,
        boot_id: Path = _BOOT_ID,
    ) -> None:
        super().__init__(path)
        self._now = now
        self._boot_id = boot_id

    def read(self) -> Daemon | None:
        """Return the daemon's status; ``None`` before its first start."""
        rows = self._database.read("SELECT * FROM daemon")
        if not rows:
            return None
        values = {key: rows[0][key] for key in Daemon.__dataclass_fields__}
        return Daemon(**{**values, "ended": bool(values["ended"])})

    def begin(self, version: str, pid: int) -> Daemon | None:
        """Record the start of a daemon and return the status of the previous one.

        The previous provider, model and precision are kept until the next video is rendered.
        """
        before, now = self.read(), self._now()
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO daemon (id, version, pid, boot, started, at) VALUES (1, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET version = excluded.version, pid = excluded.pid,"
                " boot = excluded.boot, started = excluded.started, at = excluded.at, ended = 0",
                (version, pid, self._boot(), now, now),
            )
        return before

    def beat(self) -> None:
        """Record a heartbeat."""
        with self._database.write() as connection:
            connection.execute("UPDATE daemon SET at = ?", (self._now(),))

    def learned(self, provider: str, model: str, precision: str) -> None:
        """Record the provider, model and precision of the last rendered video."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE daemon SET provider = ?, model = ?, precision = ?",
                (provider, model, precision),
            )

    def end(self) -> None:
        """Record an orderly shutdown of the daemon."""
        with self._database.write() as connection:
            connection.execute("UPDATE daemon SET ended = 1, at = ?", (self._now(),))

    def _boot(self) -> str:
        try:
            return self._boot_id.read_text(encoding="ascii").strip()
        except OSError:  # not Linux, or hidden by a sandbox
            return ""
