"""Backups of the databases: made every day, checked, kept for a week, and restored.

    state/backups/lectern.000012.sqlite3   a backup of the queue; higher numbers are newer
    state/backups/users.000012.sqlite3     a backup of the accounts
    state/backups/restored.json            what was restored last; shown by panel and doctor
    state/lectern.damaged-1.sqlite3        a damaged file, which is never deleted

The installer keeps further copies in ``state/before-upgrade`` and ``state/before-rollback``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.errors import BadInput, Fault
from appliance.jobs.database import translate_sqlite_errors

log = logging.getLogger("lectern")

QUEUE, USERS = "lectern.sqlite3", "users.sqlite3"
KEPT = 7
"""Number of backups of each database that are kept."""
RESTORATION_SHOWN_S = 14 * 86_400.0
"""Seconds for which the panel and the doctor report that a database was restored."""
INTERVAL_S = 86_400.0
"""Seconds between two backups."""

_FORGOTTEN = {USERS: ("sessions", "devices", "tokens")}
"""Tables that are emptied when a backup is restored: what was ended since must not return."""

_INSTALLER_FOLDERS = ("before-upgrade", "before-rollback")
_PENDING_BYTE, _LOCK_BYTES = (
    0x40000000,
    512,
)  # https://sqlite.org/fileformat.html#the_lock_byte_page


@dataclass(frozen=True)
class Backup:
    """A backup of a database. ``made_at`` is in seconds since 1970."""

    path: Path
    made_at: float

    @property
    def label(self) -> str:
        """The name by which ``lectern restore`` selects it."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True)
class Restoration:
    """A database that was restored. Times are in seconds since 1970.

    ``kept_as`` is the name of the damaged file, empty if there was none.
    """

    database: str
    backup: str
    made_at: float
    reason: str
    kept_as: str


class DatabaseBackups:
    """The backups of the database ``name`` in the folder ``state`` of the device.

    ``version`` is the version of its tables; backups of other versions are not restored.
    """

    def __init__(self, state: Path, name: str, version: int | None = None) -> None:
        self.database, self.name = state / name, name
        self._state, self._version = state, version
        self._folder = state / "backups"
        self._pattern = re.compile(rf"{re.escape(name.removesuffix('.sqlite3'))}\.(\d+)\.sqlite3")

    def list(self) -> list[Backup]:
        """Return all backups, newest first; those of the installer follow."""
        numbered = sorted(self._numbered(), reverse=True)
        paths = [path for _, path in numbered]
        paths += [self._state / folder / self.name for folder in _INSTALLER_FOLDERS]
        return [Backup(path, path.stat().st_mtime) for path in paths if path.is_file()]

    def newest_made_at(self) -> float | None:
        """Return when the newest backup of :meth:`create` was made, in seconds since 1970."""
        newest = max(self._numbered(), default=None)
        return None if newest is None else newest[1].stat().st_mtime

    def create(self) -> Backup | None:
        """Make a backup, and delete the oldest ones beyond ``KEPT``.

        Returns ``None`` if there is no database, and does not replace good backups by one of a
        damaged database. Raises ``Fault`` (``database_damaged``, ``disk_full``, ``database_busy``).
        """
        if not self.database.is_file() or not self.database.stat().st_size:
            return None
        part = self._folder / f".{self.name}.part"
        number = max((number for number, _ in self._numbered()), default=0) + 1
        target = self._folder / f"{self.name.removesuffix('.sqlite3')}.{number:06d}.sqlite3"
        try:
            with translate_sqlite_errors(self.database):
                self._folder.mkdir(mode=0o700, exist_ok=True)
                part.unlink(missing_ok=True)
                _copy(self.database, part)
                if problem := find_damage(part):
                    raise Fault("database_damaged", name=self.name, reason=problem)
                os.replace(part, target)
                _sync(self._folder)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        for _, path in sorted(self._numbered())[:-KEPT]:
            path.unlink(missing_ok=True)
        return Backup(target, target.stat().st_mtime)

    def find_good(self, label: str = "") -> Backup:
        """Return the newest intact backup, or the one named ``label``.

        Raises ``BadInput("backup_missing")`` if there is none.
        """
        for backup in self.list():
            if label and label not in (backup.label, backup.path.name):
                continue
            if not find_damage(backup.path, self._version):
                return backup
        raise BadInput("backup_missing", name=label or self.name)

    def restore(self, backup: Backup, reason: str) -> Restoration:
        """Put ``backup`` in the place of the database, which is kept under another name.

        Raises ``BadInput("database_in_use")`` while another process uses the database, and
        ``Fault`` (``disk_full``, ``output_unwritable``); the database is then unchanged.
        """
        part = self._state / f".{self.name}.restored"
        try:
            self.check_unused()
            with translate_sqlite_errors(self.database):
                part.unlink(missing_ok=True)
                _copy(backup.path, part)
                _empty_tables(part, _FORGOTTEN.get(self.name, ()))
            kept_as = self._keep_damaged()
            os.replace(part, self.database)  # at no time is there no database
            _sync(self._state)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Fault("output_unwritable", name=self.name, reason=reason) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        done = Restoration(self.name, backup.label, backup.made_at, reason, kept_as)
        log.error(
            "%s was restored from the backup %s (%s); later changes are lost, the earlier file is"
            " kept as %s",
            self.name,
            backup.label,
            reason,
            kept_as or "nothing",
        )
        _record(self._folder, done)
        return done

    def restore_if_damaged(self) -> Restoration | None:
        """Restore the newest intact backup if the database is damaged or empty.

        Returns what was done, or ``None`` if the database is intact or missing, or there is no
        intact backup. To be called before the database is opened.
        """
        if not self.database.is_file():
            return None
        problem = find_damage(self.database)
        if not problem:
            return None
        try:
            return self.restore(self.find_good(), problem)
        except (BadInput, Fault) as error:
            log.error("%s is damaged (%s) and was not restored: %s", self.name, problem, error)
            return None

    def check_unused(self) -> None:
        """Raise ``BadInput("database_in_use")`` if another process has the database open.

        Every open connection holds a lock on the bytes that SQLite reserves for locks.
        """
        try:
            fd = os.open(self.database, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_BYTES, _PENDING_BYTE)
        except OSError:
            raise BadInput("database_in_use", name=self.name) from None
        finally:
            os.close(fd)

    def _keep_damaged(self) -> str:
        """Keep the database with its log under another name, which is returned."""
        stem = self.name.removesuffix(".sqlite3")
        number = 1
        while any(self._state.glob(f"{stem}.damaged-{number}.sqlite3*")):
            number += 1
        kept = f"{stem}.damaged-{number}.sqlite3"
        for suffix in ("-wal", "-shm"):  # must not be applied to the restored file
            with contextlib.suppress(FileNotFoundError):
                self.database.with_name(self.name + suffix).rename(self._state / f"{kept}{suffix}")
        try:
            os.link(self.database, self._state / kept)
        except FileNotFoundError:
            return ""
        return kept

    def _numbered(self) -> Iterator[tuple[int, Path]]:
        with contextlib.suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                if match := self._pattern.fullmatch(path.name):
                    yield int(match[1]), path


def find_damage(path: Path, version: int | None = None) -> str:
    """Return what is wrong with the database file ``path``, or an empty text.

    With ``version``, tables of another version are wrong, too. A file that is locked, or that this
    account may not read, is not damaged.
    """
    try:
        if path.stat().st_size == 0:
            return "the file is empty"
        # Read-only, but not immutable: the write-ahead log is part of the database.
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as database:
            (result,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if result != "ok":
                return str(result)
            (found,) = database.execute("PRAGMA user_version").fetchone()
            if version is not None and found != version:
                return f"version {found} of the tables"
            if not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                return "the file has no tables"
    except sqlite3.OperationalError:  # locked, no permission, or an error of the disk
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    except OSError:
        return ""
    return ""


def read_restoration(state: Path) -> tuple[Restoration, float] | None:
    """Return what was restored last, and when, in seconds since 1970; ``None`` if nothing was."""
    path = state / "backups" / "restored.json"
    try:
        return Restoration(**json.loads(path.read_bytes())), path.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return None


def restoration_error(done: Restoration) -> Fault:
    """Return ``done`` as an error with sentences for users."""
    return Fault(
        "database_restored",
        name=done.database,
        reason=done.reason,
        time=time.strftime("%Y-%m-%d %H:%M", time.localtime(done.made_at)),
        kept=done.kept_as or "-",
    )


def _record(folder: Path, done: Restoration) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        part = folder / ".restored.json.part"
        part.write_text(json.dumps(asdict(done)), encoding="utf-8")
        _sync(part)
        os.replace(part, folder / "restored.json")
    except OSError as error:
        log.warning("the restoration cannot be recorded: %s", error)


def _copy(source: Path, target: Path) -> None:
    """Copy a database completely, while others may write to it, and sync the copy."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with (
        contextlib.closing(sqlite3.connect(source)) as original,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a single file
    _sync(target)


def _empty_tables(path: Path, tables: tuple[str, ...]) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        found = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        for table in found.intersection(tables):
            database.execute(f"DELETE FROM {table}")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
