"""Browser sessions: stored on the server, ended by inactivity.

They are held in memory and written to the database if possible: a full disk must not prevent an
administrator from signing in to free space.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.errors import LecternError
from web.accounts.users import UserStore

log = logging.getLogger("lectern.panel")

MAX_AGE_S = 7 * 86400.0
"""Maximum length of a session in seconds, even with constant activity."""

_WRITE_INTERVAL_S = 60.0
_MAX_SESSIONS = 10_000


@dataclass(frozen=True)
class Session:
    """The session of one browser.

    Every change must be sent with ``csrf_token``. ``created`` and ``last_seen`` (last activity) are
    in seconds since 1970.
    """

    user: str
    csrf_token: str
    created: float
    last_seen: float


class SessionStore:
    """The sessions of ``users``, which end after ``idle_s`` seconds without activity."""

    def __init__(self, users: UserStore, idle_s: float, now: Callable[[], float]) -> None:
        self._users, self._idle_s, self._now = users, idle_s, now
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}
        self._open = {
            row["token_hash"]: Session(
                row["user"], row["csrf_token"], row["created"], row["last_seen"]
            )
            for row in users.database.read("SELECT * FROM sessions")
        }

    def create(self, user: str) -> str:
        """Start a session of ``user`` and return the value of its cookie."""
        self._delete_expired()
        value, now = secrets.token_urlsafe(32), self._now()
        session = Session(user, secrets.token_urlsafe(32), now, now)
        with self._lock:
            self._open[_digest(value)] = session
        self._write(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
            _digest(value),
            user,
            session.csrf_token,
            now,
            now,
        )
        return value

    def find(self, value: str, *, active: bool = True) -> Session | None:
        """Return the session of a cookie, or ``None``.

        A request that is not ``active`` (an automatic one of a live page) does not count as
        activity.
        """
        key, now = _digest(value), self._now()
        with self._lock:
            session = self._open.get(key)
            if session is None:
                return None
            if not self._is_valid(session, now):
                ended, write = True, False
                del self._open[key]
            else:
                ended = False
                if active:
                    session = self._open[key] = replace(session, last_seen=now)
                write = active and now - self._written.get(key, 0) >= _WRITE_INTERVAL_S
                if write:
                    self._written[key] = now
        if ended:
            self._write("DELETE FROM sessions WHERE token_hash = ?", key)
            return None
        if write:
            self._write("UPDATE sessions SET last_seen = ? WHERE token_hash = ?", now, key)
        return session

    def delete(self, value: str) -> None:
        """End the session of a cookie."""
        with self._lock:
            self._open.pop(_digest(value), None)
        self._write("DELETE FROM sessions WHERE token_hash = ?", _digest(value))

    def delete_all_for(self, user: str, keep: str = "") -> None:
        """End all sessions of ``user``, except for that of the cookie ``keep``."""
        keep_hash = _digest(keep)
        with self._lock:
            for key, session in list(self._open.items()):
                if session.user.casefold() == user.casefold() and key != keep_hash:
                    del self._open[key]
        self._write("DELETE FROM sessions WHERE user = ? AND token_hash != ?", user, keep_hash)

    def _is_valid(self, session: Session, now: float) -> bool:
        return now - session.last_seen < self._idle_s and now - session.created < MAX_AGE_S

    def _delete_expired(self) -> None:
        now = self._now()
        with self._lock:
            old = [key for key, session in self._open.items() if not self._is_valid(session, now)]
            by_age = sorted(self._open, key=lambda key: self._open[key].last_seen)
            old += by_age[: max(len(self._open) - _MAX_SESSIONS, 0)]
            for key in old:
                self._open.pop(key, None)
                self._written.pop(key, None)
        for key in old:
            self._write("DELETE FROM sessions WHERE token_hash = ?", key)

    def _write(self, query: str, *values: object) -> None:
        try:
            with self._users.database.write() as connection:
                connection.execute(query, values)
        except LecternError as error:
            log.warning("a session cannot be stored: %s", error)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
