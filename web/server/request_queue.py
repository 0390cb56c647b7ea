"""Decide which request gets a thread next, so that no client takes all of them.

A request waits here without a thread. The addresses take turns, and one address, and one session or
API key, has a few requests in threads at the same time; the others wait and are not refused. Some
threads are kept for sign-in, health and the queue: these requests are served first and may use
threads that others may not. Uploads, which keep their thread while they arrive, have threads of
their own, and so have event streams once they are open.
"""

from __future__ import annotations

import enum
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


class Lane(enum.Enum):
    """The kinds of requests that have different limits."""

    PRIORITY = "priority"
    ORDINARY = "ordinary"
    UPLOAD = "upload"


_PRIORITY = re.compile(
    r"/(?:healthz|login|logout|setup|live/now|jobs/\d+/[a-z-]+|api/v1/jobs|static/.*)?"
)
_UPLOADS = "/api/v1/uploads/"


def lane_of(method: str, path: str) -> Lane:
    """Return the lane of a request."""
    if method == "PATCH" and path.startswith(_UPLOADS):
        return Lane.UPLOAD
    return Lane.PRIORITY if _PRIORITY.fullmatch(path) else Lane.ORDINARY


@dataclass(frozen=True)
class ThreadLimits:
    """The number of requests in threads at the same time.

    Ordinary requests use at most ``ordinary`` threads, together with those of the priority lane at
    most ``pages``. One address or session uses at most ``per_client`` of them, and
    ``uploads_per_client`` of the ``uploads``.
    """

    pages: int
    ordinary: int
    uploads: int
    per_client: int
    uploads_per_client: int


@dataclass(eq=False)
class Task:
    """A request that needs a thread to ``run``.

    ``address`` is the client's, empty for a proxy, whose requests belong to many clients.
    ``credential`` is its session or API key, empty without one.
    """

    run: Callable[[Task], None]
    lane: Lane
    address: str
    credential: str = ""
    is_counted: bool = field(default=False, init=False)


class RequestQueue:
    """The requests that wait for a thread; ``start`` runs a task in one. For all threads."""

    def __init__(self, limits: ThreadLimits, start: Callable[[Task], object]) -> None:
        self._limits, self._start = limits, start
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, list[Task]] = OrderedDict()
        self._in_lane: Counter[Lane] = Counter()
        self._of_client: Counter[tuple[bool, str]] = Counter()

    @property
    def waiting(self) -> int:
        """Number of requests that wait."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def submit(self, task: Task) -> None:
        """Add a request; it starts as soon as it may."""
        with self._lock:
            self._waiting.setdefault(task.address, []).append(task)
        self._start_waiting()

    def release(self, task: Task) -> None:
        """Stop counting a task: it has ended, or has become an event stream."""
        with self._lock:
            if not task.is_counted:
                return
            task.is_counted = False
            self._in_lane[task.lane] -= 1
            for client in _clients(task):
                self._of_client[client] -= 1
                if not self._of_client[client]:
                    del self._of_client[client]
        self._start_waiting()

    def _start_waiting(self) -> None:
        while True:
            with self._lock:
                task = self._next()
            if task is None:
                return
            self._start(task)

    def _next(self) -> Task | None:
        for lane in Lane:
            if not self._has_room(lane):
                continue
            for address, tasks in self._waiting.items():
                for task in tasks:
                    if task.lane is lane and self._may_start(task):
                        self._take(address, task)
                        return task
        return None

    def _take(self, address: str, task: Task) -> None:
        self._waiting[address].remove(task)
        self._waiting.move_to_end(address)
        if not self._waiting[address]:
            del self._waiting[address]
        task.is_counted = True
        self._in_lane[task.lane] += 1
        self._of_client.update(_clients(task))

    def _has_room(self, lane: Lane) -> bool:
        if lane is Lane.UPLOAD:
            return self._in_lane[lane] < self._limits.uploads
        pages = self._in_lane[Lane.PRIORITY] + self._in_lane[Lane.ORDINARY]
        if pages >= self._limits.pages:
            return False
        return lane is Lane.PRIORITY or self._in_lane[lane] < self._limits.ordinary

    def _may_start(self, task: Task) -> bool:
        limits = self._limits
        most = limits.uploads_per_client if task.lane is Lane.UPLOAD else limits.per_client
        return all(self._of_client[client] < most for client in _clients(task))


def _clients(task: Task) -> list[tuple[bool, str]]:
    """Return the keys under which a task counts: its address and its credential."""
    upload = task.lane is Lane.UPLOAD
    # An address contains no line feed, so that no credential is mistaken for one.
    keys = [task.address] if task.address else []
    return [(upload, key) for key in keys + ([f"\n{task.credential}"] if task.credential else [])]
