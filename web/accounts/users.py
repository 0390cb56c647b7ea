"""User accounts, sessions and API tokens: ``state/people.sqlite3``.

Passwords are stored as argon2id hashes, tokens and session cookies as SHA-256 (they are random, so
a fast hash is sufficient).
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from appliance.errors import BadInput, Fault
from appliance.jobs.database import transaction, translate_sqlite_errors
from web.accounts.passwords import hash_password, verify

# Entry n migrates a database of version n to version n + 1.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE people (
            name TEXT PRIMARY KEY COLLATE NOCASE,
            role TEXT NOT NULL CHECK (role IN ('admin', 'teacher', 'viewer')),
            password TEXT NOT NULL,
            created REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE sessions (
            key TEXT PRIMARY KEY,
            person TEXT NOT NULL COLLATE NOCASE
                REFERENCES people (name) ON DELETE CASCADE ON UPDATE CASCADE,
            csrf TEXT NOT NULL,
            created REAL NOT NULL,
            seen REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE tokens (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            person TEXT NOT NULL COLLATE NOCASE
                REFERENCES people (name) ON DELETE CASCADE ON UPDATE CASCADE,
            label TEXT NOT NULL,
            created REAL NOT NULL,
            used REAL
        ) STRICT
        """,
    ),
)
VERSION = len(MIGRATIONS)

_NAME = re.compile(r"[\w.-]{1,40}")


class Role(str, Enum):
    """What a user may do; each role includes the ones before it.

    What a user may see is defined by :func:`web.security.access.visible_owners`.
    """

    VIEWER = "viewer"
    TEACHER = "teacher"
    ADMIN = "admin"

    def includes(self, needed: Role) -> bool:
        """Return whether this role includes ``needed``."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True)
class User:
    """A user account. ``created`` is in seconds since 1970."""

    name: str
    role: Role
    created: float


def users_path(root: Path) -> Path:
    """Return the path of the user database of the device with the folder ``root``."""
    return root / "state" / "people.sqlite3"


class UserStore:
    """The user accounts of a device. Threads may share it.

    Every method may raise ``Fault`` (``database_busy``, ``database_damaged``, ``disk_full``).
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self.path = path
        with translate_sqlite_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=10, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate()
            path.chmod(0o600)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction."""
        with self._lock, translate_sqlite_errors(self.path), transaction(self._connection):
            yield self._connection

    def read(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self._lock, translate_sqlite_errors(self.path):
            return self._connection.execute(query, values).fetchall()

    # Reading

    def is_empty(self) -> bool:
        """Return whether there are no accounts, that is, whether the setup has not been done."""
        return not self.read("SELECT 1 FROM people LIMIT 1")

    def get(self, name: str) -> User:
        """Return a user account. Raises ``BadInput("user_unknown")``."""
        rows = self.read("SELECT * FROM people WHERE name = ?", name)
        if not rows:
            raise BadInput("user_unknown", name=name)
        return _person(rows[0])

    def all(self) -> list[User]:
        """Return all user accounts, sorted by name."""
        return [_person(row) for row in self.read("SELECT * FROM people ORDER BY name")]

    def authenticate(self, name: str, password: str) -> User:
        """Return the user with this name and password.

        Raises ``BadInput("invalid_credentials")``, after the same time whether or not the user
        exists.
        """
        rows = self.read("SELECT * FROM people WHERE name = ?", name)
        if not verify(rows[0]["password"] if rows else None, password):
            raise BadInput("invalid_credentials")
        return _person(rows[0])

    # Changing

    def add(self, name: str, role: Role, password: str, now: float) -> User:
        """Create an account.

        Raises ``BadInput``: ``user_name_invalid``, ``user_exists``, ``password_too_short``.
        """
        if not _NAME.fullmatch(name):
            raise BadInput("user_name_invalid", name=name)
        hashed = hash_password(password)
        with self.transaction() as connection:
            try:
                connection.execute(
                    "INSERT INTO people VALUES (?, ?, ?, ?)", (name, role.value, hashed, now)
                )
            except sqlite3.IntegrityError:
                raise BadInput("user_exists", name=name) from None
        return User(name, role, now)

    def add_first(self, name: str, password: str, now: float) -> User:
        """Create the administrator during the setup.

        Raises ``BadInput("permission_denied")`` if there is already an account, and what
        :meth:`add` raises.
        """
        with self._lock:
            if not self.is_empty():
                raise BadInput("permission_denied")
            return self.add(name, Role.ADMIN, password, now)

    def set_role(self, name: str, role: Role) -> None:
        """Change the role of a user. Raises ``BadInput``: ``user_unknown``, ``last_admin``."""
        with self.transaction() as connection:
            self._require_an_admin(connection, name, role)
            connection.execute("UPDATE people SET role = ? WHERE name = ?", (role.value, name))

    def set_password(self, name: str, password: str) -> None:
        """Set the password of a user; the caller must end the user's sessions.

        Raises ``BadInput``: ``user_unknown``, ``password_too_short``.
        """
        hashed = hash_password(password)
        with self.transaction() as connection:
            changed = connection.execute(
                "UPDATE people SET password = ? WHERE name = ?", (hashed, name)
            )
            if not changed.rowcount:
                raise BadInput("user_unknown", name=name)

    def delete(self, name: str) -> None:
        """Delete an account; the caller must end the user's sessions.

        Raises ``BadInput``: ``user_unknown``, ``last_admin``.
        """
        with self.transaction() as connection:
            self._require_an_admin(connection, name, None)
            connection.execute("DELETE FROM people WHERE name = ?", (name,))

    def _require_an_admin(
        self, connection: sqlite3.Connection, name: str, role: Role | None
    ) -> None:
        """Raise ``BadInput("last_admin")`` if no administrator would be left."""
        person = self.get(name)
        if person.role is Role.ADMIN and role is not Role.ADMIN:
            (admins,) = connection.execute(
                "SELECT count(*) FROM people WHERE role = 'admin'"
            ).fetchone()
            if admins == 1:
                raise BadInput("last_admin", name=person.name)

    def _migrate(self) -> None:
        with transaction(self._connection):
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise Fault("database_too_new", name=self.path.name)
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {VERSION}")


def _person(row: sqlite3.Row) -> User:
    return User(row["name"], Role(row["role"]), row["created"])
