"""Limits against guessing passwords: after too many failures, attempts are refused for a while.

Failures are counted by address, by account and in total. A stranger must not be able to lock out
the owner of an account by failing on purpose, so the limits by account and in total do not apply

- to a browser that has signed in to the account before (:mod:`web.accounts.known_devices`), which
  has a limit of its own, also where it shares its address with an attacker;
- to an address from which the account has signed in since the panel was started;
- to an address without failures, as long as not too many of those have failed: an attacker has few
  addresses compared with the number of guesses that a password takes.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from appliance.errors import BadInput

WINDOW_S = 600.0
"""Period in seconds in which failures are counted."""
PER_ACCOUNT, PER_ADDRESS, IN_TOTAL = 8, 20, 200
"""Number of failures allowed for an account, from an address, and in total."""

FRESH_WINDOW_S = 6 * 3600.0
"""Period in seconds without a failure after which an address is fresh again."""
FRESH_PER_ACCOUNT, FRESH_IN_TOTAL = 100, 500
"""Number of failures from fresh addresses beyond the limits for an account and in total. NIST SP
800-63B, 5.2.2, allows 100 failures for an account."""
_MAX_KEPT = 10_000

_Limit = tuple[str, int, float]
"""A counter, the number of failures that it allows, and the period in seconds."""


@dataclass(frozen=True)
class Attempt:
    """An admitted attempt to sign in, counted as failed in the counters ``keys``."""

    address: str
    account: str
    keys: tuple[str, ...]


class LoginLimiter:
    """Counter of recent failures. Threads may share it.

    ``monotonic`` returns seconds of a clock that only advances.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures: dict[str, list[float]] = {}
        self._trusted: dict[tuple[str, str], None] = {}

    def register_attempt(self, address: str, account: str, device: str = "") -> Attempt:
        """Count an attempt as failed until it has :meth:`register_success`.

        ``device`` identifies a browser that has signed in to the account before. Concurrent
        attempts are limited like successive ones. Raises ``BadInput("too_many_attempts")`` with the
        ``seconds`` to wait if there were too many failures.
        """
        now, where, name = self._monotonic(), client_network(address), account.casefold()
        with self._lock:
            keys, wait_s = self._admit(where, name, device, now)
            if wait_s > 0:
                raise BadInput("too_many_attempts", seconds=math.ceil(wait_s))
            for key in keys:
                recent = self._recent(self._failures.pop(key, []), FRESH_WINDOW_S, now)
                self._failures[key] = [*recent, now][-FRESH_IN_TOTAL:]  # at the end: used last
            while len(self._failures) > _MAX_KEPT:
                del self._failures[next(iter(self._failures))]
        return Attempt(where, name, tuple(keys))

    def register_success(self, attempt: Attempt) -> None:
        """Record that ``attempt`` was successful.

        From now on the address counts as one of the account's owner. Other failures are still
        counted: an attacker may have an account, too.
        """
        pair = (attempt.address, attempt.account)
        with self._lock:
            self._trusted.pop(pair, None)
            self._trusted[pair] = None
            for key in attempt.keys:
                del self._failures.get(key, [])[-1:]
            while len(self._trusted) > _MAX_KEPT:
                del self._trusted[next(iter(self._trusted))]

    def _admit(self, where: str, name: str, device: str, now: float) -> tuple[list[str], float]:
        """Return the counters of an attempt, and the seconds for which it is refused."""
        if device and not self._wait((f"with {device}", PER_ACCOUNT, WINDOW_S), now):
            return [f"with {device}"], 0.0
        source, account = f"from {where}", f"to {name}"
        wait_s = self._wait((source, PER_ADDRESS, WINDOW_S), now)
        if (where, name) in self._trusted:
            return [source, account, ""], wait_s
        crowded_s = max(
            self._wait((account, PER_ACCOUNT, WINDOW_S), now),
            self._wait(("", IN_TOTAL, WINDOW_S), now),
        )
        if wait_s or not crowded_s:
            return [source, account, ""], max(wait_s, crowded_s)
        fresh_s = max(
            self._wait((source, 1, FRESH_WINDOW_S), now),
            self._wait((f"fresh to {name}", FRESH_PER_ACCOUNT, FRESH_WINDOW_S), now),
            self._wait(("fresh", FRESH_IN_TOTAL, FRESH_WINDOW_S), now),
        )
        # An address that has failed waits for the end of the ordinary limits.
        return [source, f"fresh to {name}", "fresh"], min(fresh_s, crowded_s)

    def _wait(self, limit: _Limit, now: float) -> float:
        key, most, window_s = limit
        recent = self._recent(self._failures.get(key, []), window_s, now)
        return recent[-most] + window_s - now if len(recent) >= most else 0.0

    @staticmethod
    def _recent(failures: list[float], window_s: float, now: float) -> list[float]:
        return [at for at in failures if now - at < window_s]


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
