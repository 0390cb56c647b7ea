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
    """The API tokens of ``people``."""

    def __init__(self, people: UserStore, now: Callable[[], float]) -> None:
        self._people, self._now = people, now

    def list_for(self, person: str) -> list[Token]:
        """Return the tokens of a user, oldest first."""
        rows = self._people.read("SELECT * FROM tokens WHERE person = ? ORDER BY id", person)
        return [Token(row["id"], row["label"], row["created"], row["used"]) for row in rows]

    def create(self, person: str, label: str) -> str:
        """Create a token and return it. It cannot be read again later."""
        value = PREFIX + secrets.token_urlsafe(32)
        with self._people.transaction() as connection:
            connection.execute(
                "INSERT INTO tokens (key, person, label, created) VALUES (?, ?, ?, ?)",
                (_digest(value), person, label, self._now()),
            )
        return value

    def find_owner(self, value: str) -> User | None:
        """Return the owner of a token, or ``None`` if the token is unknown."""
        rows = self._people.read("SELECT * FROM tokens WHERE key = ?", _digest(value))
        if not rows:
            return None
        now = self._now()
        if now - (rows[0]["used"] or 0) >= _WRITE_INTERVAL_S:
            try:
                with self._people.transaction() as connection:
                    connection.execute(
                        "UPDATE tokens SET used = ? WHERE id = ?", (now, rows[0]["id"])
                    )
            except LecternError:
                pass  # e.g. a full disk: the time of the last use is not essential
        return self._people.get(rows[0]["person"])

    def revoke(self, person: str, token: int) -> None:
        """Delete one of the user's tokens."""
        with self._people.transaction() as connection:
            connection.execute("DELETE FROM tokens WHERE id = ? AND person = ?", (token, person))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
