"""SQLite databases: connections, schema versions, and errors as ``Fault``; the job database.

The files must be on a local disk: SQLite's write-ahead log does not work on network shares.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from appliance.errors import Fault

BUSY_TIMEOUT_S = 10.0
"""Seconds for which a process waits for a transaction of another one, which takes milliseconds."""


@dataclass(frozen=True)
class Schema:
    """The tables of a database file.

    ``version`` is stored in the file (``PRAGMA user_version``); it increases with every change of
    ``statements``, which create the tables in an empty file. ``additions`` are tables and indexes
    by name, which are created where they are missing: an older version of Lectern ignores them, so
    they do not change the version.
    """

    version: int
    statements: tuple[str, ...]
    additions: Mapping[str, str] = field(default_factory=dict)


# Paths and names are bytes, because a file name on Linux need not be valid text. Times are seconds
# since 1970, UTC. Versions 1 and 2 were those of Lectern 0.1 to 0.3.
SCHEMA = Schema(
    3,
    (
        # ``owner`` is the panel user who created the job, empty for the inbox. ``interruptions``
        # counts how often the daemon or the device went down during the job since its last
        # progress. ``degrade_level`` is raised each time memory runs out.
        """
        CREATE TABLE jobs (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            stem BLOB NOT NULL,
            presenter BLOB NOT NULL,
            lecture BLOB NOT NULL,
            output BLOB NOT NULL DEFAULT x'',
            report BLOB NOT NULL DEFAULT x'',
            options TEXT NOT NULL,
            priority INTEGER NOT NULL,
            owner TEXT NOT NULL DEFAULT '',
            state TEXT NOT NULL CHECK (state IN ('queued', 'waiting', 'running', 'paused', 'done',
                                                 'failed', 'cancelled')),
            request TEXT CHECK (request IN ('cancel', 'pause')),
            reason TEXT,
            reason_params TEXT NOT NULL DEFAULT '{}',
            stage TEXT NOT NULL DEFAULT '',
            done INTEGER NOT NULL DEFAULT 0,
            total INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0,
            attempts_without_progress INTEGER NOT NULL DEFAULT 0,
            interruptions INTEGER NOT NULL DEFAULT 0,
            degrade_level INTEGER NOT NULL DEFAULT 0,
            expected_disk_mb REAL,
            not_before REAL NOT NULL DEFAULT 0,
            archived INTEGER NOT NULL DEFAULT 0,
            created REAL NOT NULL,
            heartbeat REAL,
            started REAL,
            finished REAL,
            downloaded REAL
        ) STRICT
        """,
        "CREATE INDEX jobs_by_priority ON jobs (state, priority DESC, id)",
        # The primary key ensures that a file belongs to one job at most.
        """
        CREATE TABLE files (
            path BLOB PRIMARY KEY,
            job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
            role TEXT NOT NULL CHECK (role IN ('source', 'archived', 'result')),
            target BLOB
        ) STRICT
        """,
        "CREATE INDEX files_by_job ON files (job)",
        # No foreign key: the events of a job are kept after the job is deleted.
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            job INTEGER,
            kind TEXT NOT NULL,
            reason TEXT,
            reason_params TEXT NOT NULL DEFAULT '{}'
        ) STRICT
        """,
        """
        CREATE TABLE holds (
            reason TEXT PRIMARY KEY,
            reason_params TEXT NOT NULL,
            since REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE tasks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            params TEXT NOT NULL,
            owner TEXT NOT NULL,
            state TEXT NOT NULL DEFAULT 'pending'
                CHECK (state IN ('pending', 'running', 'done', 'failed')),
            result TEXT NOT NULL DEFAULT '{}',
            reason TEXT,
            reason_params TEXT NOT NULL DEFAULT '{}',
            created REAL NOT NULL,
            finished REAL
        ) STRICT
        """,
        "CREATE INDEX tasks_by_state ON tasks (state, id)",
        # A single row: the running daemon, or the last one.
        """
        CREATE TABLE daemon (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            version TEXT NOT NULL,
            pid INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            started REAL NOT NULL,
            last_heartbeat REAL NOT NULL,
            stopped_cleanly INTEGER NOT NULL DEFAULT 0,
            provider TEXT NOT NULL DEFAULT '',
            model TEXT NOT NULL DEFAULT '',
            precision TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
    ),
    {
        # A single row, see :mod:`appliance.jobs.ages`: the seconds for which the device has been in
        # use, and what was known when they were last advanced.
        "use_time": """
        CREATE TABLE use_time (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            used_s REAL NOT NULL,
            boot_id TEXT NOT NULL,
            since_boot REAL NOT NULL,
            clock REAL NOT NULL,
            off_since REAL NOT NULL,
            is_counted INTEGER NOT NULL
        ) STRICT
        """,
        # When the jobs of each owner were last started, as a number that grows with each start.
        "turns": """
        CREATE TABLE turns (owner TEXT PRIMARY KEY, turn INTEGER NOT NULL) STRICT
        """,
        "jobs_by_end": """
        CREATE INDEX jobs_by_end ON jobs (state, owner, finished DESC, id DESC)
        """,
        # When each ended job ended, in seconds of use.
        "job_ends": """
        CREATE TABLE job_ends (
            job INTEGER PRIMARY KEY REFERENCES jobs (id) ON DELETE CASCADE,
            used_s REAL NOT NULL
        ) STRICT
        """,
    },
)


_T = TypeVar("_T", bound="DatabaseClient")


def open_database(
    path: Path,
    schema: Schema,
    *,
    timeout_s: float = BUSY_TIMEOUT_S,
    threads: bool = False,
    durable: bool = True,
) -> sqlite3.Connection:
    """Open the database file ``path``; create it with the tables of ``schema`` if necessary.

    The connection is in autocommit mode: transactions are begun explicitly. ``timeout_s`` is how
    long it waits for a transaction of another process. With ``threads``, several threads may use it
    one after the other. Without ``durable``, the last transactions may be lost in a power cut, and
    the file may be damaged by it; in return, nothing waits for the disk.

    Raises ``Fault`` for a file of another version (``database_too_new``, ``database_too_old``);
    ``sqlite3.Error`` and ``OSError``, for which see :func:`translate_sqlite_errors`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path, timeout=timeout_s, isolation_level=None, check_same_thread=not threads
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        connection.execute("PRAGMA foreign_keys = ON")
        _create_tables(connection, schema, path.name)
    except BaseException:
        connection.close()
        raise
    return connection


class Database:
    """A connection to the database file ``path``, by default the job database.

    To be used from one thread, or with ``threads`` from several. Every method raises the errors of
    :func:`translate_sqlite_errors`; opening also raises those of another version.
    """

    def __init__(self, path: Path, schema: Schema = SCHEMA, *, threads: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        with translate_sqlite_errors(path):
            self._connection = open_database(path, schema, threads=threads)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run a ``with`` block as one write transaction."""
        with self._lock, translate_sqlite_errors(self.path), transaction(self._connection):
            yield self._connection

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of a query, which sees one consistent snapshot."""
        with self._lock, translate_sqlite_errors(self.path):
            return self._connection.execute(query, values).fetchall()


class DatabaseClient:
    """Base class of everything that reads or writes tables of the database file ``path``.

    The connection is open until :meth:`close` or the end of a ``with`` block. To be used from one
    thread. Every method raises the errors of :func:`translate_sqlite_errors`.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def __enter__(self: _T) -> _T:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._database.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a ``with`` block as a transaction: commit at its end, roll back on an exception.

    The write lock is acquired at the beginning, so no other process can change what is read inside.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors, such as a full disk, have already rolled back
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translate_sqlite_errors(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and the file system into a ``Fault``.

    The codes are ``database_busy``, ``disk_full``, ``database_access_denied`` (this account lacks
    permissions) and ``database_damaged``. ``sqlite3.IntegrityError`` is raised unchanged: its
    meaning depends on the caller.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except (sqlite3.Error, OSError) as error:
        text = str(error)
        if "locked" in text:
            raise Fault("database_busy", name=path.name) from error
        if "disk is full" in text or "No space left" in text:
            raise Fault("disk_full", name=path.name) from error
        if isinstance(error, PermissionError) or not _has_permission(path):
            raise Fault("database_access_denied", name=path.name) from error
        raise Fault("database_damaged", name=path.name, reason=text) from error


def _has_permission(path: Path) -> bool:
    """Return whether the permissions allow this account to write or create ``path``.

    Also true on a read-only file system, where permissions are not the cause of an error.
    """
    try:
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return True
        existing = path if path.exists() else path.parent
    except OSError as error:
        return not isinstance(error, PermissionError)
    return os.access(existing, os.R_OK | os.W_OK, effective_ids=True)


def _create_tables(connection: sqlite3.Connection, schema: Schema, name: str) -> None:
    """Create the tables of ``schema`` in an empty database; do nothing if they exist.

    Raises ``Fault`` for a database of another version: ``database_too_new``, ``database_too_old``.
    """
    if _version(connection) == schema.version:
        _create_additions(connection, schema)
        return
    with transaction(connection):
        version = _version(connection)  # another process may have created the tables meanwhile
        if version == schema.version:
            return
        if version or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            code = "database_too_new" if version > schema.version else "database_too_old"
            raise Fault(code, name=name)
        for statement in schema.statements:
            connection.execute(statement)
        for statement in schema.additions.values():
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {schema.version}")


def _create_additions(connection: sqlite3.Connection, schema: Schema) -> None:
    """Create the additional tables and indexes that the file of an older version lacks."""

    def missing() -> list[str]:
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        return [name for name in schema.additions if name not in found]

    if missing():
        with transaction(connection):
            for name in missing():  # another process may have created them meanwhile
                connection.execute(schema.additions[name])


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
