"""``python -m tests.soak.one_job ROOT``: take one job from the inbox to the outbox, and end.

The scanner, the queue, the worker, the delivery and the archive are those of the daemon. Time
passes quickly, so that waits after a fault are over at once. With ``LECTERN_REAL_ATTEMPTS`` the
rendering is real; otherwise the video is a small file that is written in the same way.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

from appliance.attempt.parent import run_attempt
from appliance.attempt.protocol import ProgressCallback, RenderRequest
from appliance.config import Config, load_config
from appliance.daemon.hooks import WorkerHooks
from appliance.daemon.worker import Worker
from appliance.errors import LecternError
from appliance.files.atomic import write_bytes
from appliance.inbox.content import Examination
from appliance.inbox.scanner import InboxScanner
from appliance.jobs.states import FINAL_STATES
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

_STEP_S = 400.0
_MAX_BEATS = 2000


class AllDone(BaseException):
    """All jobs have ended and are archived."""


class Clock:
    """A clock that runs ahead."""

    time = 1_900_000_000.0

    def __call__(self) -> float:
        return self.time


def write_video(request: RenderRequest, on_progress: ProgressCallback) -> dict[str, Any]:
    """Write the video and its sidecars, as small files."""
    on_progress(None)
    for suffix in (".mp4", ".jpg", ".srt"):
        content = suffix.encode() + request.lecture.read_bytes()
        write_bytes(request.output.with_suffix(suffix), content)
    return {"output": {}}


def main(root: Path) -> None:
    """Work until all jobs have ended."""
    config = load_config(root.parent / "device.yaml")
    clock, beats = Clock(), 0
    with WorkerStore(store_path(root), max_attempts_without_progress=5, now=clock) as store:

        def beat() -> None:
            nonlocal beats
            beats += 1
            clock.time += _STEP_S
            jobs = store.jobs()
            if jobs and all(job.state in FINAL_STATES for job in jobs) and not store.unarchived():
                raise AllDone
            if beats > _MAX_BEATS:
                sys.exit("the job does not end")

        attempt = run_attempt if "LECTERN_REAL_ATTEMPTS" in os.environ else write_video
        _scan(store, root, config, clock)
        worker = Worker(
            store,
            config,
            threading.Event(),
            WorkerHooks(attempt=attempt, heartbeat=beat, now=clock, monotonic=clock),
        )
        worker.recover()
        try:
            worker.run(pause_s=0.0)
        except AllDone:
            _scan(store, root, config, clock)  # which must not add the job again


def _scan(store: WorkerStore, root: Path, config: Config, clock: Clock) -> None:
    """Scan the inbox a few times; an error ends a scan, as in the daemon."""
    scanner = InboxScanner(store, root, config.inbox, clock, check=lambda paths: Examination())
    for _ in range(4):
        clock.time += _STEP_S
        try:
            scanner.scan()
        except (OSError, LecternError) as error:
            print("scan:", error)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
