"""Browsers that have signed in before, recognised by a cookie that outlives the session.

The cookie gives no access. It only exempts the owner's browser from limits that other people's
failed attempts have reached (OWASP: Slow Down Online Guessing Attacks with Device Cookies).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable

from appliance.errors import LecternError
from web.accounts.users import UserStore

_MAX_PER_USER = 50
_VALUE = re.compile(r"[\w-]{43}")


class KnownDevices:
    """The browsers that the accounts of ``users`` have signed in from. Threads may share it.

    ``now`` returns the seconds since 1970. Errors of the database are ignored: a browser is then
    not recognised.
    """

    def __init__(self, users: UserStore, now: Callable[[], float]) -> None:
        self._users, self._now = users, now

    def find(self, value: str, user: str) -> str:
        """Return an ID of the browser with the cookie ``value``, or "" for a stranger's."""
        if not _VALUE.fullmatch(value):
            return ""
        query = "SELECT 1 FROM devices WHERE device = ? AND user = ?"
        try:
            known = self._users.database.read(query, _digest(value), user)
        except LecternError:
            return ""
        return f"{_digest(value)} {user.casefold()}" if known else ""

    def remember(self, value: str, user: str) -> str:
        """Record that ``user`` has signed in, and return the value of the browser's cookie.

        ``value`` is that of the cookie so far, which several users of the browser may share.
        """
        value = value if _VALUE.fullmatch(value) else secrets.token_urlsafe(32)
        try:
            with self._users.database.write() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO devices VALUES (?, ?, ?)",
                    (_digest(value), user, self._now()),
                )
                connection.execute(
                    "DELETE FROM devices WHERE user = :user AND rowid NOT IN (SELECT rowid FROM"
                    " devices WHERE user = :user ORDER BY rowid DESC LIMIT :most)",
                    {"user": user, "most": _MAX_PER_USER},
                )
        except LecternError:
            pass  # a full disk must not prevent signing in
        return value

    def forget(self, user: str) -> None:
        """Forget the browsers of ``user``, whose password was changed."""
        with self._users.database.write() as connection:
            connection.execute("DELETE FROM devices WHERE user = ?", (user,))


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
