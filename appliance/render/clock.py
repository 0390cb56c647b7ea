"""Time per stage, peak memory and process age, for the report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def peak_memory_mb() -> float:
    """Return the peak resident memory (MiB) of this process since it was executed.

    Not ``ru_maxrss``: after a fork that includes the memory of the parent process.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024


def process_age_s() -> float:
    """Return the seconds since this process started, with a resolution of 10 ms.

    Reads field 22 of ``/proc/self/stat``, in clock ticks since boot; field 2 may contain spaces and
    brackets.
    """
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
    started = int(fields[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


class Stopwatch:
    """Adds up the time spent in named stages. Stages of different threads may overlap."""

    def __init__(
        self, seconds: dict[str, float] | None = None, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds: dict[str, float] = {} if seconds is None else seconds
        self._now = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside the context to stage ``name``."""
        start = self._now()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + self._now() - start

    def each(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Yield ``items`` and add the time that producing each takes to stage ``name``."""
        source = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item
