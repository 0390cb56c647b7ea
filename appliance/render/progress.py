"""Progress of a render."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True)
class Progress:
    """The current progress: ``done`` of ``total`` units of ``stage``.

    Stages: ``check``, ``selftest`` (seconds; the total is unknown), ``tts`` (characters),
    ``presenter``, ``speech`` (seconds), ``render`` (frames), ``mux``, ``score`` (frames).
    """

    stage: str
    done: int
    total: int


OnProgress = Callable[[Progress], None]


T = TypeVar("T")


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

    def time_items(self, name: str, items: Iterable[T]) -> Iterator[T]:
        """Yield ``items`` and add the time that producing each takes to stage ``name``."""
        source = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(source)
                except StopIteration:
                    return
            yield item
