"""The measured rendering of a short lecture, for the doctor's report.

:mod:`appliance.commands.trial` renders it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """The measurements of a rendering.

    ``fps`` is the rendering speed in frames per second from the first frame on, ``used_mb`` the
    peak memory use of the whole device during the rendering (MiB), ``facts`` all measurements.
    """

    width: int
    height: int
    fps: float
    used_mb: float
    provider: str
    facts: Mapping[str, Any]
