"""The input of the checks: the configuration, and the system below a root that tests can build."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from appliance.config import PROJECT, Config, LipsConfig
from appliance.inference.providers import Providers
from appliance.telemetry.reading import Reading
from appliance.telemetry.source import select_source


@dataclass(frozen=True)
class DoctorContext:
    """The input of all checks.

    ``root`` is the folder that contains ``/sys``, ``/proc`` and ``/etc``, ``project`` the folder of
    Lectern's own files. ``which`` finds programs, ``now`` returns the time in seconds since the
    epoch, and ``on_progress`` is called with the seconds that a running self-test has taken.
    ``find_providers`` returns the inference providers for a configuration.
    """

    config: Config
    root: Path = Path("/")
    project: Path = PROJECT
    which: Callable[[str], str | None] = shutil.which
    now: Callable[[], float] = time.time
    on_progress: Callable[[float], None] = lambda seconds: None
    find_providers: Callable[[Path, LipsConfig], Providers] = field(default=Providers.of)

    @cached_property
    def reading(self) -> Reading:
        """One telemetry reading, shared by all checks."""
        return select_source(self.config.telemetry.source, self.config.root, self.root)()

    @cached_property
    def providers(self) -> Providers:
        """The inference providers of the device."""
        return self.find_providers(self.config.root, self.config.lips)
