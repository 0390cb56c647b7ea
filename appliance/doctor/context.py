"""What the checks look at: the settings, and the machine below a root that tests can build."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from appliance.config import PROJECT, Config
from appliance.lips.engines import Engines
from appliance.telemetry.reading import Reading
from appliance.telemetry.source import find_source


@dataclass(frozen=True)
class Context:
    """``root`` is where the machine's ``/sys``, ``/proc`` and ``/etc`` lie, ``project`` where
    Lectern's own files do; ``which`` finds programs, ``now`` tells the time and ``listen`` is told
    the seconds that a self-test takes."""

    config: Config
    root: Path = Path("/")
    project: Path = PROJECT
    which: Callable[[str], str | None] = shutil.which
    now: Callable[[], float] = time.time
    listen: Callable[[float], None] = lambda seconds: None
    engines_of: Callable[[Config], Engines] = field(default=Engines.of)

    @cached_property
    def reading(self) -> Reading:
        """One look at the sensors."""
        return find_source(self.config, self.root)()

    @cached_property
    def engines(self) -> Engines:
        """The box's engines."""
        return self.engines_of(self.config)
