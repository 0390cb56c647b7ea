"""A short lecture rendered on this machine, for the doctor's file; ``commands`` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Trial:
    """``fps`` are the frames a second from the first frame on, ``used_mb`` is the most memory of
    the whole machine that was in use meanwhile (MiB), ``facts`` is all that was measured."""

    width: int
    height: int
    fps: float
    used_mb: float
    provider: str
    facts: Mapping[str, Any]
