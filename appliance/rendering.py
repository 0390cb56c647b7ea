"""Renders one job of the queue to a finished video in the job's folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.attempt.order import Order, Step, Watch
from appliance.attempt.relief import relieved
from appliance.config import Config
from appliance.errors import BadInput, Fault, LecternError
from appliance.inbox.place import Presence
from appliance.inbox.steady import being_written
from appliance.inbox.wholeness import MAY_GROW
from appliance.jobs.options import with_options
from appliance.jobs.record import Job
from appliance.jobs.states import Request
from appliance.jobs.store import JobStore
from appliance.media.publish import part_of, publish, write_faults
from appliance.outbox import fitting

Attempt = Callable[[Order, Watch], dict[str, Any]]

_REPORT_EVERY_S = 2.0  # maximum time between two updates of the progress in the queue

_SHARES = {"file_missing", "file_unreadable"}
"""Errors of a file that may be caused by the network share it is on."""


def render_job(
    job: Job, folder: Path, config: Config, attempt: Attempt, watch: Watch
) -> tuple[dict[str, Any], Path]:
    """Render the job with ``attempt`` and return its report and video, both in ``folder``.

    If an earlier attempt has finished the video, it is reused.

    Raises the errors of ``attempt``, ``BadInput("job_options")``, and ``Fault("source_changed")``
    if presenter or lecture were changed meanwhile.
    """
    finished, video = folder / "report.json", folder / f"{fitting(job.stem)}.mp4"
    if finished.is_file() and video.is_file():
        report: dict[str, Any] = json.loads(finished.read_bytes())
        return report, video
    assert job.presenter is not None and job.lecture is not None
    chunks = folder / "chunks"
    with write_faults(video):
        chunks.mkdir(parents=True, exist_ok=True)
    config = relieved(with_options(config, job.options), job.relief)
    for path in (job.presenter, job.lecture):
        if being_written(path):  # replaced while it was queued
            raise Fault("source_changed", name=path.name)
    before = [_stamp(path) for path in (job.presenter, job.lecture)]
    report = attempt(Order(chunks, job.presenter, job.lecture, video, config), watch)
    for path, stamp in zip((job.presenter, job.lecture), before, strict=True):
        if _stamp(path) != stamp:
            raise Fault("source_changed", name=path.name)
    with write_faults(finished):
        part_of(finished).write_text(json.dumps(report), encoding="utf-8")
        publish(finished)
    return report, video


def may_pass(job: Job, error: BadInput, config: Config, now: float) -> bool:
    """Return whether a retry may succeed after ``error``.

    This is so for a temporary problem of a share, an incomplete copy, or memory that other programs
    use. ``now`` is in seconds since 1970.
    """
    if error.code == "file_unreadable" or is_away(error, config):
        return True
    if error.code == "memory_too_small":
        return config.render.memory_mb == 0  # otherwise the limit is set in the configuration
    changed = [_stamp(path) for path in (job.presenter, job.lecture) if path is not None]
    age = now - max((stamp[2] for stamp in changed if stamp), default=0.0)
    return error.code in MAY_GROW and 0 <= age < config.inbox.patience_s


def is_away(error: LecternError, config: Config) -> bool:
    """Return whether the files could not be read because their share is unavailable."""
    return error.code in _SHARES and Presence(config.root).is_away()


class JobWatch:
    """Follows one attempt: records its progress regularly and decides whether it must stop.

    ``allows`` returns whether the work may continue and is called as often as progress is recorded;
    ``stopping`` returns whether the daemon is stopping; ``beat`` is called each time.
    """

    def __init__(
        self,
        store: JobStore,
        job: Job,
        allows: Callable[[], bool],
        stopping: Callable[[], bool],
        beat: Callable[[], None],
    ) -> None:
        self._store = store
        self._job = job
        self._allows = allows
        self._stopping = stopping
        self._beat = beat
        self._last = Step("", 0, 0)
        self._at = 0.0
        self._rest = False
        self._request: Request | None = None

    def __call__(self, step: Step | None) -> bool:
        """Handle a step, see :data:`~appliance.attempt.order.Watch`."""
        self._beat()
        news = step is not None and (step.saved or step.stage != self._last.stage)
        self._last = step or self._last
        if news or time.monotonic() - self._at >= _REPORT_EVERY_S:
            self._at = time.monotonic()
            self._request = self._store.progress(
                self._job.id,
                self._last.stage,
                self._last.done,
                self._last.total,
                advanced=step is not None and step.saved,
            )
            self._rest = not self._allows()
        return self._rest or self._request is not None or self._stopping()


def _stamp(path: Path) -> tuple[int, int, float] | None:
    """Return the size, modification time (ns) and change time (s); ``None`` on an error."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime
