"""The daemon's own record: that it is at work, and how the one before it ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.jobs.schema import Tables

BEAT_S = 5.0
"""How often the daemon gives a sign of life."""

PATIENCE_S = 30.0
"""Without a sign of life for this long, it is down."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Daemon:
    """The daemon that is at work, or that was last. Times are seconds since 1970, UTC.

    ``boot`` tells one start of the machine from the next. ``ended``: it ended because it was told
    to. ``provider``, ``model`` and ``precision`` are those of the last video, empty before it.
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
        """Whether it is at work at the time ``now``."""
        return not self.ended and abs(now - self.at) <= PATIENCE_S


class DaemonRecord(Tables):
    """The one row of ``daemon``. Belongs to one thread; raises ``Fault`` as the job store does."""

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
        """The record; ``None`` before the first start."""
        rows = self._database.read("SELECT * FROM daemon")
        if not rows:
            return None
        values = {key: rows[0][key] for key in Daemon.__dataclass_fields__}
        return Daemon(**{**values, "ended": bool(values["ended"])})

    def begin(self, version: str, pid: int) -> Daemon | None:
        """A daemon begins; gives the record of the one before. What that one knew of provider and
        model stays until it is known anew."""
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
        """A sign of life."""
        with self._database.write() as connection:
            connection.execute("UPDATE daemon SET at = ?", (self._now(),))

    def learned(self, provider: str, model: str, precision: str) -> None:
        """What the last video was made with."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE daemon SET provider = ?, model = ?, precision = ?",
                (provider, model, precision),
            )

    def end(self) -> None:
        """The daemon ends because it was told to."""
        with self._database.write() as connection:
            connection.execute("UPDATE daemon SET ended = 1, at = ?", (self._now(),))

    def _boot(self) -> str:
        try:
            return self._boot_id.read_text(encoding="ascii").strip()
        except OSError:  # not Linux, or hidden by a sandbox
            return ""
