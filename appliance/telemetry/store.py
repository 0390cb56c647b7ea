"""Stores the last telemetry readings in a database that the daemon writes and the panel reads."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from appliance.errors import Fault
from appliance.jobs.database import Schema, open_database
from appliance.telemetry.reading import Reading

DATABASE_NAME = "telemetry.sqlite3"

SCHEMA = Schema(
    1,
    (
        """
        CREATE TABLE readings (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            reading TEXT NOT NULL
        ) STRICT
        """,
        "CREATE INDEX readings_by_time ON readings (at)",
    ),
)

_BUSY_TIMEOUT_S = 5.0


def telemetry_path(root: Path) -> Path:
    """Return the path of the telemetry database below the root folder ``root``."""
    return root / "state" / DATABASE_NAME


class TelemetryStore:
    """A ring buffer of at most ``max_readings`` readings in the SQLite file ``path``.

    Readings are expendable: writes are not synced to the disk, which reduces the wear of flash
    memory, and a file that is damaged by a power cut or comes from another version is replaced by
    an empty one. An instance may be used from several threads. Raises ``sqlite3.Error`` or
    ``OSError`` if the file cannot be created or stays locked for more than 5 s.
    """

    def __init__(self, path: Path, *, max_readings: int = 17280) -> None:
        self._path = path
        self._max_readings = max_readings
        self._lock = threading.Lock()
        try:
            self._database = self._open()
        except Fault:  # the file is of another version
            self._database = self._recreate()
        except sqlite3.DatabaseError as error:
            if not _is_corruption(error):
                raise
            self._database = self._recreate()

    def _open(self) -> sqlite3.Connection:
        return open_database(
            self._path, SCHEMA, timeout_s=_BUSY_TIMEOUT_S, threads=True, durable=False
        )

    def __enter__(self) -> TelemetryStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def add(self, reading: Reading) -> None:
        """Append ``reading`` and delete the oldest readings beyond the limit."""
        with self._lock:
            try:
                self._add(reading)
            except sqlite3.DatabaseError as error:
                if not _is_corruption(error):
                    raise
                self._database.close()
                self._database = self._recreate()
                self._add(reading)

    def _add(self, reading: Reading) -> None:
        row = self._database.execute(
            "INSERT INTO readings (at, reading) VALUES (?, ?)", (reading.at, reading.to_json())
        ).lastrowid
        self._database.execute(
            "DELETE FROM readings WHERE id <= ?", ((row or 0) - self._max_readings,)
        )

    def _recreate(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        return self._open()

    def since(self, at: float, points: int = 500) -> list[Reading]:
        """Return the readings from ``at`` on, oldest first, thinned evenly to at most ``points``.

        The newest one is always included.
        """
        if points < 1:
            return []
        with self._lock:
            rows = self._database.execute(
                "SELECT reading FROM ("
                " SELECT id, reading, row_number() OVER (ORDER BY id DESC) - 1 AS age,"
                " count(*) OVER () AS total FROM readings WHERE at >= ?"
                ") WHERE age % ((total + ? - 1) / ?) = 0 ORDER BY id",
                (at, points, points),
            ).fetchall()
        return [Reading.from_json(line) for (line,) in rows]

    def throttled_spans(self, at: float) -> list[tuple[float, float]]:
        """Return the periods in which clocks were throttled, from ``at`` on, oldest first.

        A period is a pair of seconds since 1970. If only the counter of throttle events has grown
        between two readings, the period begins and ends at the time of the later one.
        """
        with self._lock:
            rows = self._database.execute(
                "SELECT at, json_extract(reading, '$.throttled'),"
                " json_extract(reading, '$.throttle_events') FROM readings"
                " WHERE at >= ? ORDER BY id",
                (at,),
            ).fetchall()
        spans: list[tuple[float, float]] = []
        before, in_span = None, False
        for now, throttled, count in rows:
            counted = before is not None and (count or 0) > before
            if throttled or counted:
                start = spans.pop()[0] if in_span else now
                spans.append((start, now))
            before, in_span = count or 0, bool(throttled or counted)
        return spans

    def latest(self) -> Reading | None:
        """Return the newest reading; ``None`` before the first one."""
        with self._lock:
            row = self._database.execute(
                "SELECT reading FROM readings ORDER BY id DESC LIMIT 1"
            ).fetchone()
        return Reading.from_json(row[0]) if row else None

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()


def _is_corruption(error: sqlite3.DatabaseError) -> bool:
    """Return whether the database file is damaged, rather than locked or not accessible."""
    return type(error) is sqlite3.DatabaseError
