"""Progress of a render."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """The current progress: ``done`` of ``total`` units of ``stage``.

    Stages: ``check``, ``engine`` (seconds; the total is unknown), ``voice`` (characters),
    ``presenter``, ``speech`` (seconds), ``render`` (frames), ``join``, ``score`` (frames).
    """

    stage: str
    done: int
    total: int


Listener = Callable[[Progress], None]
