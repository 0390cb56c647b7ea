"""Limits against guessing passwords: after too many failures, attempts are refused for a while.

Failures are counted by address, by account and in total. The limits by account and in total do not
apply to addresses from which the account has signed in before, so that guesses from elsewhere do
not lock its owner out.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections.abc import Callable

from appliance.errors import BadInput

WINDOW_S = 600.0
"""Period in seconds in which failures are counted."""
PER_ACCOUNT, PER_ADDRESS, IN_TOTAL = 8, 20, 200
"""Number of failures allowed for an account, from an address, and in total."""
_MAX_KEPT = 10_000


class LoginLimiter:
    """Counter of the failures of the last :data:`WINDOW_S` seconds. Threads may share it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failures: dict[str, list[float]] = {}
        self._trusted: dict[tuple[str, str], None] = {}

    def register_attempt(self, address: str, account: str) -> None:
        """Count an attempt as failed until it has :meth:`register_success`.

        Concurrent attempts are therefore limited like successive ones. Raises
        ``BadInput("too_many_attempts")`` with the ``seconds`` to wait if there were too many
        failures.
        """
        now, where = self._now(), client_network(address)
        with self._lock:
            waits = [self._wait(key, most, now) for key, most in self._limits(where, account)]
            if max(waits) > 0:
                raise BadInput("too_many_attempts", seconds=math.ceil(max(waits)))
            for key in ("", f"from {where}", f"to {account.casefold()}"):
                recent = [at for at in self._failures.pop(key, []) if now - at < WINDOW_S]
                self._failures[key] = [*recent, now][-IN_TOTAL:]  # at the end: most recently used
            while len(self._failures) > _MAX_KEPT:
                del self._failures[next(iter(self._failures))]

    def register_success(self, address: str, account: str) -> None:
        """Record that the attempt was successful.

        From now on the address counts as one of the account's owner.
        """
        pair = (client_network(address), account.casefold())
        with self._lock:
            self._trusted.pop(pair, None)
            self._trusted[pair] = None
            self._failures.pop(f"from {pair[0]}", None)
            for key in ("", f"to {pair[1]}"):
                del self._failures.get(key, [])[-1:]
            while len(self._trusted) > _MAX_KEPT:
                del self._trusted[next(iter(self._trusted))]

    def _limits(self, address: str, account: str) -> list[tuple[str, int]]:
        limits = [(f"from {address}", PER_ADDRESS)]
        if (address, account.casefold()) not in self._trusted:
            limits += [(f"to {account.casefold()}", PER_ACCOUNT), ("", IN_TOTAL)]
        return limits

    def _wait(self, key: str, limit: int, now: float) -> float:
        recent = [at for at in self._failures.get(key, []) if now - at < WINDOW_S]
        return recent[-limit] + WINDOW_S - now if len(recent) >= limit else 0.0


def client_network(address: str) -> str:
    """Return the network of a client: its IPv4 address, or its /64 network for IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
