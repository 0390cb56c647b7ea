"""Time whole processes from outside."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.errors import Fault


@dataclass(frozen=True)
class Timing:
    """The times of one process: wall time and CPU time of all cores, in seconds."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True)
class Spread:
    """The median and the range of repeated measurements."""

    median: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the median, minimum and maximum of ``values``; at least one is required."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.minimum:.2f}–{self.maximum:.2f})"


_WITH_WARNINGS = 3  # exit status of ``lectern render``

TimedRun = Callable[[Sequence[str]], Timing]


def time_process(arguments: Sequence[str]) -> Timing:
    """Run ``python ARGUMENTS`` to its end and return its times; its stdout is discarded.

    Success with warnings counts as success. Raises ``Fault("bench_failed")`` with the last line of
    stderr if it fails.
    """
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        assert child.stderr is not None
        stderr = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if child.returncode not in (0, _WITH_WARNINGS):
        last_line = stderr.decode(errors="replace").strip().splitlines()[-1:] or [
            "no error message"
        ]
        raise Fault("bench_failed", reason=last_line[0])
    return Timing(wall, usage.ru_utime + usage.ru_stime)
