"""Seconds of work a stage, and what the process has used, for the report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def peak_memory_mb() -> float:
    """The most resident memory (MiB) that this process has had since it began its program.

    Not ``ru_maxrss``, which counts what the process was before, a copy of whoever started it.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024


def process_age_s() -> float:
    """Seconds since this process began, to 10 ms.

    Field 22 of ``/proc/self/stat``, in ticks since boot; field 2 may hold spaces and brackets.
    """
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    started = int(fields[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


class Stopwatch:
    """Adds up the time spent in named stages. Stages of different threads overlap."""

    def __init__(
        self, seconds: dict[str, float] | None = None, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds: dict[str, float] = {} if seconds is None else seconds
        self._now = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside."""
        start = self._now()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._now() - start

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Pass ``items`` on, counting the time that each takes to come."""
        source = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item
