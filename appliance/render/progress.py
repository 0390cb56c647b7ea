"""Where a rendering stands, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where the work stands: ``stage`` is a word, ``done`` of ``total`` are its units.

    Stages: ``check``, ``engine`` (seconds; nobody knows of how many), ``voice`` (letters),
    ``presenter``, ``speech`` (seconds), ``render`` (frames), ``join``.
    """

    stage: str
    done: int
    total: int


Listener = Callable[[Progress], None]
