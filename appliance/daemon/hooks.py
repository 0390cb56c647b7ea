"""The functions that the worker calls, and that tests replace."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from appliance.attempt.parent import run_attempt
from appliance.attempt.protocol import AttemptRunner
from appliance.governor.governor import ReadTelemetry
from appliance.jobs.models import Job

_MB = 1 << 20

Estimate = Callable[[Job], float]
"""Returns the MiB of disk space that a job takes; raises ``LecternError`` for unusable files."""


class PreviewSource(Protocol):
    """A source of requested previews; see :mod:`appliance.tasks.preview`."""

    def has_pending(self) -> bool:
        """Return whether a preview is requested."""
        ...

    def make_next(self, heartbeat: Callable[[], None]) -> None:
        """Make the oldest requested preview; ``heartbeat`` is called regularly meanwhile."""
        ...


class NoPreviews:
    """A :class:`PreviewSource` without previews."""

    def has_pending(self) -> bool:
        """Return False."""
        return False

    def make_next(self, heartbeat: Callable[[], None]) -> None:
        """Do nothing."""


def free_mb(path: Path) -> float:
    """Return the free space of the file system that contains ``path``, in MiB."""
    return shutil.disk_usage(path).free / _MB


@dataclass(frozen=True)
class WorkerHooks:
    """The functions that the worker calls.

    ``attempt`` renders; ``previews`` are made before jobs; ``estimate`` returns the MiB that a job
    takes; ``find_free_mb`` returns the free space in MiB of the file system of a path; ``now``
    returns the seconds since 1970, ``monotonic`` those of a clock that only advances. ``heartbeat``
    is called regularly during the work (for the watchdog of the service manager), ``on_report``
    with each report. ``read_telemetry`` returns the newest telemetry reading, if there is one.
    """

    attempt: AttemptRunner = run_attempt
    previews: PreviewSource = field(default_factory=NoPreviews)
    estimate: Estimate = lambda job: 0.0
    find_free_mb: Callable[[Path], float] = free_mb
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    heartbeat: Callable[[], None] = lambda: None
    on_report: Callable[[dict[str, Any]], None] = lambda report: None
    read_telemetry: ReadTelemetry = lambda: None
