"""API tokens: a program's key to its owner's account."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from appliance.errors import LecternError
from web.people.store import People, Person

PREFIX = "lectern_"
_WRITE_EVERY_S = 60.0


@dataclass(frozen=True)
class Token:
    """What is known of a token; the token itself is shown once, when it is made."""

    id: int
    label: str
    created: float
    used: float | None


class Tokens:
    """The tokens of ``people``."""

    def __init__(self, people: People, now: Callable[[], float]) -> None:
        self._people, self._now = people, now

    def of(self, person: str) -> list[Token]:
        """A person's tokens, the oldest first."""
        rows = self._people.read("SELECT * FROM tokens WHERE person = ? ORDER BY id", person)
        return [Token(row["id"], row["label"], row["created"], row["used"]) for row in rows]

    def make(self, person: str, label: str) -> str:
        """A new token, which nobody can read again later."""
        value = PREFIX + secrets.token_urlsafe(32)
        with self._people.write() as connection:
            connection.execute(
                "INSERT INTO tokens (key, person, label, created) VALUES (?, ?, ?, ?)",
                (_key(value), person, label, self._now()),
            )
        return value

    def owner(self, value: str) -> Person | None:
        """Whose token this is."""
        rows = self._people.read("SELECT * FROM tokens WHERE key = ?", _key(value))
        if not rows:
            return None
        now = self._now()
        if now - (rows[0]["used"] or 0) >= _WRITE_EVERY_S:
            try:
                with self._people.write() as connection:
                    connection.execute(
                        "UPDATE tokens SET used = ? WHERE id = ?", (now, rows[0]["id"])
                    )
            except LecternError:
                pass  # a full disk: when it was last used is not worth refusing for
        return self._people.get(rows[0]["person"])

    def revoke(self, person: str, token: int) -> None:
        """Make one of the person's tokens worthless."""
        with self._people.write() as connection:
            connection.execute("DELETE FROM tokens WHERE id = ? AND person = ?", (token, person))


def _key(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
