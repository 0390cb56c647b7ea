"""A worker with attempts of known outcome, and jobs to drop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.attempt.protocol import ProgressCallback, RenderRequest
from appliance.config import Config
from appliance.daemon.hooks import WorkerHooks
from appliance.daemon.worker import Worker
from appliance.jobs.models import Job, NewJob
from appliance.jobs.worker_store import WorkerStore


class Clock:
    """A time that passes when told to."""

    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def succeed(order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
    """An attempt that makes something of the lecture."""
    order.output.write_bytes(b"video of " + order.lecture.read_bytes())
    return {"output": {}}


Outcome = Callable[[RenderRequest, ProgressCallback], dict[str, Any]] | Exception


class Attempts:
    """Attempts with the outcomes that it is given, the last one ever after."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self.orders: list[RenderRequest] = []

    def __call__(self, order: RenderRequest, watch: ProgressCallback) -> dict[str, Any]:
        self.orders.append(order)
        outcome = self._outcomes[0]
        if len(self._outcomes) > 1:
            del self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(order, watch)


def make_worker(store: WorkerStore, config: Config, *outcomes: Outcome, **hooks: Any) -> Worker:
    """Create a worker with attempts of known outcome; ``hooks`` are fields of ``WorkerHooks``."""
    return Worker(store, config, threading.Event(), WorkerHooks(Attempts(*outcomes), **hooks))


def drop(store: WorkerStore, config: Config, stem: str = "lesson") -> Job:
    """A job of two files in the inbox."""
    inbox = config.root / "inbox"
    inbox.mkdir(exist_ok=True)
    presenter, lecture = inbox / f"{stem}.mp4", inbox / f"{stem}.wav"
    presenter.write_bytes(b"presenter")
    lecture.write_bytes(stem.encode())
    return store.add(NewJob(stem, presenter, lecture, claims=(presenter, lecture)))


class Previews:
    """Previews of which it is only known how many were asked for and made."""

    asked = made = 0

    def has_pending(self) -> bool:
        return self.asked > self.made

    def make_next(self, heartbeat: Callable[[], None]) -> None:
        self.made += 1
