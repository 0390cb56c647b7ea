"""Limits on what one user, and one address, may have open at the same time.

An address may have what a few browsers need; behind a proxy on this device many clients have the
same address, so it does not count. A user may have two thirds of everything, because a class may
share the account of a viewer.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable

from flask import current_app

from appliance.config import Config
from web.addresses import PROXIES
from web.context import get_config

log = logging.getLogger("lectern.panel")

LOG_INTERVAL_S = 60.0

STREAMS_PER_ADDRESS = 8
DOWNLOADS_PER_ADDRESS = 16

PAGE_THREADS = 10
"""Threads for requests that are neither uploads nor event streams."""


class ClientLimits:
    """At most ``total`` at a time, ``per_user`` of one user, ``per_address`` of one address.

    ``name`` says in the log what is limited, at most every ``LOG_INTERVAL_S`` seconds. ``now``
    returns monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        total: int,
        per_user: int,
        per_address: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._now = name, now
        self._total, self._per_user, self._per_address = total, per_user, per_address
        self._logged_at = -math.inf
        self._lock = threading.Lock()
        self._open: Counter[tuple[str, str]] = Counter()
        self._count = 0

    def acquire(self, user: str, address: str) -> Callable[[], None] | None:
        """Count one more and return the function that ends it, or ``None`` if there are too many.

        The function may be called more than once.
        """
        keys = [("user", user.casefold())]
        limits = [self._per_user]
        if address not in PROXIES:
            keys.append(("address", address))
            limits.append(self._per_address)
        with self._lock:
            if self._count >= self._total or any(
                self._open[key] >= limit for key, limit in zip(keys, limits, strict=True)
            ):
                self._log_refusal(user, address)
                return None
            self._count += 1
            self._open.update(keys)
        ended = threading.Lock()

        def release() -> None:
            if not ended.acquire(blocking=False):
                return
            with self._lock:
                self._count -= 1
                self._open -= Counter(keys)

        return release

    def _log_refusal(self, user: str, address: str) -> None:
        if self._now() - self._logged_at >= LOG_INTERVAL_S:
            self._logged_at = self._now()
            log.warning("refused %s at %s: too many %s", ascii(user), address, self._name)


def upload_threads(config: Config) -> int:
    """Return how many threads uploads may occupy."""
    return min(config.uploads.max_concurrent, config.panel.threads // 2)


def max_streams(config: Config) -> int:
    """Return how many event streams may be open; each occupies a thread."""
    return max(0, config.panel.threads - PAGE_THREADS - upload_threads(config))


def two_thirds(count: int) -> int:
    """Return two thirds of ``count``, at least 1."""
    return max(1, count * 2 // 3)


def stream_limits() -> ClientLimits:
    """Return the limits on event streams of the current application."""
    return _limits("streams", max_streams(get_config()), STREAMS_PER_ADDRESS)


def download_limits() -> ClientLimits:
    """Return the limits on downloads of videos and archives of the current application."""
    return _limits("downloads", 2 * get_config().panel.threads, DOWNLOADS_PER_ADDRESS)


def _limits(name: str, total: int, per_address: int) -> ClientLimits:
    found: ClientLimits = current_app.extensions.setdefault(
        f"lectern.{name}", ClientLimits(name, total, two_thirds(total), per_address)
    )
    return found
