"""User accounts, sessions and API tokens: ``state/users.sqlite3``.

Passwords are stored as argon2id hashes, tokens and session cookies as SHA-256 (they are random, so
a fast hash is sufficient).
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from appliance.errors import BadInput
from appliance.jobs.database import Database, Schema, translate_sqlite_errors
from web.accounts.passwords import hash_password, verify

SCHEMA = Schema(
    1,
    (
        """
        CREATE TABLE users (
            name TEXT PRIMARY KEY COLLATE NOCASE,
            role TEXT NOT NULL CHECK (role IN ('admin', 'teacher', 'viewer')),
            password_hash TEXT NOT NULL,
            created REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE sessions (
            token_hash TEXT PRIMARY KEY,
            user TEXT NOT NULL COLLATE NOCASE
                REFERENCES users (name) ON DELETE CASCADE ON UPDATE CASCADE,
            csrf_token TEXT NOT NULL,
            created REAL NOT NULL,
            last_seen REAL NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE tokens (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            token_hash TEXT NOT NULL UNIQUE,
            user TEXT NOT NULL COLLATE NOCASE
                REFERENCES users (name) ON DELETE CASCADE ON UPDATE CASCADE,
            label TEXT NOT NULL,
            created REAL NOT NULL,
            last_used REAL
        ) STRICT
        """,
    ),
    {
        "devices": """
        CREATE TABLE devices (
            device TEXT NOT NULL,
            user TEXT NOT NULL COLLATE NOCASE
                REFERENCES users (name) ON DELETE CASCADE ON UPDATE CASCADE,
            created REAL NOT NULL,
            PRIMARY KEY (device, user)
        ) STRICT
        """,
    },
)

_NAME = re.compile(r"[\w.-]{1,40}")


class Role(str, Enum):
    """What a user may do; each role includes the ones before it.

    What a user may see is defined by :meth:`web.security.access.Identity.visible_owners`.
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
    return root / "state" / "users.sqlite3"


class UserStore:
    """The user accounts of a device. Threads may share it.

    Every method may raise ``Fault`` (``database_busy``, ``database_damaged``, ``disk_full``).
    ``database`` also holds the sessions and the API tokens.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path, SCHEMA, threads=True)
        with translate_sqlite_errors(path):
            path.chmod(0o600)

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    # Reading

    def is_empty(self) -> bool:
        """Return whether there are no accounts, that is, whether the setup has not been done."""
        return not self.database.read("SELECT 1 FROM users LIMIT 1")

    def get(self, name: str) -> User:
        """Return a user account. Raises ``BadInput("user_unknown")``."""
        rows = self.database.read("SELECT * FROM users WHERE name = ?", name)
        if not rows:
            raise BadInput("user_unknown", name=name)
        return _user_from(rows[0])

    def all(self) -> list[User]:
        """Return all user accounts, sorted by name."""
        return [_user_from(row) for row in self.database.read("SELECT * FROM users ORDER BY name")]

    def authenticate(self, name: str, password: str) -> User:
        """Return the user with this name and password.

        Raises ``BadInput("invalid_credentials")``, after the same time whether or not the user
        exists.
        """
        rows = self.database.read("SELECT * FROM users WHERE name = ?", name)
        if not verify(rows[0]["password_hash"] if rows else None, password):
            raise BadInput("invalid_credentials")
        return _user_from(rows[0])

    # Changing

    def add(self, name: str, role: Role, password: str, now: float) -> User:
        """Create an account.

        Raises ``BadInput``: ``user_name_invalid``, ``user_exists``, ``password_too_short``.
        """
        _check_name(name)
        user, password_hash = User(name, role, now), hash_password(password)
        with self.database.write() as connection:
            _insert(connection, user, password_hash)
        return user

    def add_first(self, name: str, password: str, now: float) -> User:
        """Create the administrator during the setup.

        Raises ``BadInput("permission_denied")`` if there is already an account, and what
        :meth:`add` raises.
        """
        if not self.is_empty():
            raise BadInput("permission_denied")
        _check_name(name)
        user, password_hash = User(name, Role.ADMIN, now), hash_password(password)
        with self.database.write() as connection:
            if not self.is_empty():  # created by another request meanwhile
                raise BadInput("permission_denied")
            _insert(connection, user, password_hash)
        return user

    def set_role(self, name: str, role: Role) -> None:
        """Change the role of a user. Raises ``BadInput``: ``user_unknown``, ``last_admin``."""
        with self.database.write() as connection:
            self._require_an_admin(connection, name, role)
            connection.execute("UPDATE users SET role = ? WHERE name = ?", (role.value, name))

    def set_password(self, name: str, password: str) -> None:
        """Set the password of a user; the caller must end the user's sessions.

        Raises ``BadInput``: ``user_unknown``, ``password_too_short``.
        """
        password_hash = hash_password(password)
        with self.database.write() as connection:
            changed = connection.execute(
                "UPDATE users SET password_hash = ? WHERE name = ?", (password_hash, name)
            )
            if not changed.rowcount:
                raise BadInput("user_unknown", name=name)

    def delete(self, name: str) -> None:
        """Delete an account; the caller must end the user's sessions.

        Raises ``BadInput``: ``user_unknown``, ``last_admin``.
        """
        with self.database.write() as connection:
            self._require_an_admin(connection, name, None)
            connection.execute("DELETE FROM users WHERE name = ?", (name,))

    def _require_an_admin(
        self, connection: sqlite3.Connection, name: str, role: Role | None
    ) -> None:
        """Raise ``BadInput("last_admin")`` if no administrator would be left."""
        user = self.get(name)
        if user.role is Role.ADMIN and role is not Role.ADMIN:
            (admins,) = connection.execute(
                "SELECT count(*) FROM users WHERE role = 'admin'"
            ).fetchone()
            if admins == 1:
                raise BadInput("last_admin", name=user.name)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadInput("user_name_invalid", name=name)


def _insert(connection: sqlite3.Connection, user: User, password_hash: str) -> None:
    row = (user.name, user.role.value, password_hash, user.created)
    try:
        connection.execute("INSERT INTO users VALUES (?, ?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise BadInput("user_exists", name=user.name) from None


def _user_from(row: sqlite3.Row) -> User:
    return User(row["name"], Role(row["role"]), row["created"])
