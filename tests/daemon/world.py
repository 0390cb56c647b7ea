"""A worker with attempts of known outcome, and jobs of files in the inbox."""

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
    """A clock that tests set."""

    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def succeed(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
    """An attempt that writes a fake video of the lecture."""
    request.output.write_bytes(b"video of " + request.lecture.read_bytes())
    return {"output": {}}


Outcome = Callable[[RenderRequest, ProgressCallback], dict[str, Any]] | Exception


class Attempts:
    """An attempt runner with the given outcomes in turn; the last one is repeated."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self.requests: list[RenderRequest] = []

    def __call__(self, request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
        self.requests.append(request)
        outcome = self._outcomes[0]
        if len(self._outcomes) > 1:
            del self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(request, on_progress)


def make_worker(store: WorkerStore, config: Config, *outcomes: Outcome, **hooks: Any) -> Worker:
    """Create a worker with attempts of known outcome; ``hooks`` are fields of ``WorkerHooks``."""
    return Worker(store, config, threading.Event(), WorkerHooks(Attempts(*outcomes), **hooks))


def drop(store: WorkerStore, config: Config, stem: str = "lesson") -> Job:
    """Add a job of two files in the inbox."""
    inbox = config.root / "inbox"
    inbox.mkdir(exist_ok=True)
    presenter, lecture = inbox / f"{stem}.mp4", inbox / f"{stem}.wav"
    presenter.write_bytes(b"presenter")
    lecture.write_bytes(stem.encode())
    return store.add(NewJob(stem, presenter, lecture, claims=(presenter, lecture)))


class Previews:
    """A source of previews that counts those requested and made."""

    requested = made = 0

    def has_pending(self) -> bool:
        return self.requested > self.made

    def make_next(self, heartbeat: Callable[[], None]) -> None:
        self.made += 1
