"""API tokens, with which programs have access to a user's account."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from appliance.errors import LecternError
from web.accounts.users import User, UserStore

PREFIX = "lectern_"
_WRITE_INTERVAL_S = 60.0


@dataclass(frozen=True)
class Token:
    """Description of a token. The token itself is shown only once, when it is created."""

    id: int
    label: str
    created: float
    last_used: float | None


class TokenStore:
    """The API tokens of ``users``."""

    def __init__(self, users: UserStore, now: Callable[[], float]) -> None:
        self._users, self._now = users, now

    def list_for(self, user: str) -> list[Token]:
        """Return the tokens of a user, oldest first."""
        rows = self._users.database.read("SELECT * FROM tokens WHERE user = ? ORDER BY id", user)
        return [Token(row["id"], row["label"], row["created"], row["last_used"]) for row in rows]

    def create(self, user: str, label: str) -> str:
        """Create a token and return it. It cannot be read again later."""
        value = PREFIX + secrets.token_urlsafe(32)
        with self._users.database.write() as connection:
            connection.execute(
                "INSERT INTO tokens (token_hash, user, label, created) VALUES (?, ?, ?, ?)",
                (_digest(value), user, label, self._now()),
            )
        return value

    def find_owner(self, value: str) -> User | None:
        """Return the owner of a token, or ``None`` if the token is unknown."""
        rows = self._users.database.read(
            "SELECT * FROM tokens WHERE token_hash = ?", _digest(value)
        )
        if not rows:
            return None
        now = self._now()
        if abs(now - (rows[0]["last_used"] or 0)) >= _WRITE_INTERVAL_S:
            try:
                with self._users.database.write() as connection:
                    connection.execute(
                        "UPDATE tokens SET last_used = ? WHERE id = ?", (now, rows[0]["id"])
                    )
            except LecternError:
                pass  # e.g. a full disk: the time of the last use is not essential
        return self._users.get(rows[0]["user"])

    def revoke_all(self, user: str) -> None:
        """Delete all tokens of a user."""
        with self._users.database.write() as connection:
            connection.execute("DELETE FROM tokens WHERE user = ?", (user,))

    def revoke(self, user: str, token: int) -> None:
        """Delete one of the user's tokens."""
        with self._users.database.write() as connection:
            connection.execute("DELETE FROM tokens WHERE id = ? AND user = ?", (token, user))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
