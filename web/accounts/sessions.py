"""Browser sessions: stored on the server, ended by inactivity.

They are held in memory and written to the database if possible: a full disk must not prevent an
administrator from signing in to free space.
"""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from appliance.errors import LecternError
from web.accounts.users import UserStore

log = logging.getLogger("lectern.panel")

MAX_AGE_S = 7 * 86400.0
"""Maximum length of a session in seconds, even with constant activity."""

_WRITE_INTERVAL_S = 60.0
_MAX_SESSIONS = 10_000
_TOLERANCE_S = 300.0  # by which a clock may be set back without ending stored sessions


@dataclass(frozen=True)
class Session:
    """The session of one browser.

    Every change must be sent with ``csrf_token``. ``began`` and ``active_at`` (last activity) are
    in seconds of a clock that only advances.
    """

    user: str
    csrf_token: str
    began: float
    active_at: float


class SessionStore:
    """The sessions of ``users``, which end after ``idle_s`` seconds without activity.

    ``monotonic`` returns seconds of a clock that only advances, by which sessions end. ``now``
    returns seconds since 1970: a new process continues stored sessions by their times, and ends
    those whose times are not plausible, because the clock was changed.
    """

    def __init__(
        self,
        users: UserStore,
        idle_s: float,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users, self._idle_s, self._now, self._monotonic = users, idle_s, now, monotonic
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}
        self._open: dict[str, Session] = {}
        here, at = monotonic(), now()
        for row in users.database.read("SELECT * FROM sessions"):
            idle, age = at - row["last_seen"], at - row["created"]
            if min(idle, age) >= -_TOLERANCE_S:
                session = Session(row["user"], row["csrf_token"], here - age, here - idle)
                self._open[row["token_hash"]] = session

    def create(self, user: str) -> str:
        """Start a session of ``user`` and return the value of its cookie."""
        self._delete_expired()
        value, now, here = secrets.token_urlsafe(32), self._now(), self._monotonic()
        session = Session(user, secrets.token_urlsafe(32), here, here)
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
        key, now = _digest(value), self._monotonic()
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
                    session = self._open[key] = replace(session, active_at=now)
                write = active and now - self._written.get(key, -math.inf) >= _WRITE_INTERVAL_S
                if write:
                    self._written[key] = now
        if ended:
            self._write("DELETE FROM sessions WHERE token_hash = ?", key)
            return None
        if write:
            self._write("UPDATE sessions SET last_seen = ? WHERE token_hash = ?", self._now(), key)
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
        return now - session.active_at < self._idle_s and now - session.began < MAX_AGE_S

    def _delete_expired(self) -> None:
        now = self._monotonic()
        with self._lock:
            old = [key for key, session in self._open.items() if not self._is_valid(session, now)]
            by_age = sorted(self._open, key=lambda key: self._open[key].active_at)
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
