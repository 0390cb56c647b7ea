"""Renders one job of the queue to a finished video in the job's folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.attempt.degrade import degraded_config
from appliance.attempt.protocol import (
    AttemptRunner,
    ProgressCallback,
    ProgressUpdate,
    RenderRequest,
)
from appliance.config import Config, apply_overrides
from appliance.errors import BadInput, Fault, LecternError
from appliance.files.atomic import commit, temp_path, translate_write_errors
from appliance.files.names import safe_stem
from appliance.inbox.completeness import INCOMPLETE_CODES
from appliance.inbox.mount_guard import MountGuard
from appliance.inbox.stability import is_open_for_writing
from appliance.jobs.models import Job
from appliance.jobs.states import JobRequest
from appliance.jobs.worker_store import WorkerStore

_RECORD_INTERVAL_S = 2.0  # maximum time between two updates of the progress in the queue

_SHARE_ERRORS = {"file_missing", "file_unreadable"}
"""Errors of a file that may be caused by the network share it is on."""


def render_job(
    job: Job, folder: Path, config: Config, attempt: AttemptRunner, on_progress: ProgressCallback
) -> tuple[dict[str, Any], Path]:
    """Render the job with ``attempt`` and return its report and video, both in ``folder``.

    If an earlier attempt has finished the video, it is reused.

    Raises the errors of ``attempt``, ``BadInput("job_options_invalid")``, and
    ``Fault("source_changed")`` if presenter or lecture were changed meanwhile.
    """
    finished, video = folder / "report.json", folder / f"{safe_stem(job.stem)}.mp4"
    if finished.is_file() and video.is_file():
        report: dict[str, Any] = json.loads(finished.read_bytes())
        return report, video
    assert job.presenter is not None and job.lecture is not None
    chunks = folder / "chunks"
    with translate_write_errors(video):
        chunks.mkdir(parents=True, exist_ok=True)
    config = degraded_config(apply_overrides(config, job.options), job.degrade_level)
    for path in (job.presenter, job.lecture):
        if is_open_for_writing(path):  # replaced while it was queued
            raise Fault("source_changed", name=path.name)
    before = [_file_stamp(path) for path in (job.presenter, job.lecture)]
    report = attempt(RenderRequest(chunks, job.presenter, job.lecture, video, config), on_progress)
    for path, stamp in zip((job.presenter, job.lecture), before, strict=True):
        if _file_stamp(path) != stamp:
            raise Fault("source_changed", name=path.name)
    with translate_write_errors(finished):
        temp_path(finished).write_text(json.dumps(report), encoding="utf-8")
        commit(finished)
    return report, video


def is_transient(job: Job, error: BadInput, config: Config, now: float) -> bool:
    """Return whether a retry may succeed after ``error``.

    This is so for a temporary problem of a share, an incomplete copy, or memory that other programs
    use. ``now`` is in seconds since 1970.
    """
    if error.code == "file_unreadable" or is_share_unavailable(error, config):
        return True
    if error.code == "memory_too_small":
        return config.render.memory_limit_mb == 0  # otherwise the limit is set in the configuration
    changed = [_file_stamp(path) for path in (job.presenter, job.lecture) if path is not None]
    age = now - max((stamp[2] for stamp in changed if stamp), default=0.0)
    return error.code in INCOMPLETE_CODES and 0 <= age < config.inbox.incomplete_timeout_s


def is_share_unavailable(error: LecternError, config: Config) -> bool:
    """Return whether the files could not be read because their share is unavailable."""
    return error.code in _SHARE_ERRORS and MountGuard(config.root).is_unmounted()


class JobProgress:
    """Follows one attempt: records its progress regularly and decides whether it must stop.

    ``may_continue`` returns whether the work may continue and is called as often as progress is
    recorded; ``is_stopping`` returns whether the daemon is stopping; ``heartbeat`` is called each
    time.
    """

    def __init__(
        self,
        store: WorkerStore,
        job: Job,
        may_continue: Callable[[], bool],
        is_stopping: Callable[[], bool],
        heartbeat: Callable[[], None],
    ) -> None:
        self._store = store
        self._job = job
        self._may_continue = may_continue
        self._is_stopping = is_stopping
        self._beat = heartbeat
        self._last = ProgressUpdate("", 0, 0)
        self._recorded_at = 0.0
        self._must_pause = False
        self._request: JobRequest | None = None

    def __call__(self, step: ProgressUpdate | None) -> bool:
        """Handle a step, see :data:`~appliance.attempt.protocol.ProgressCallback`."""
        self._beat()
        news = step is not None and (step.saved or step.stage != self._last.stage)
        self._last = step or self._last
        if news or time.monotonic() - self._recorded_at >= _RECORD_INTERVAL_S:
            self._recorded_at = time.monotonic()
            self._request = self._store.update_progress(
                self._job.id,
                self._last.stage,
                self._last.done,
                self._last.total,
                made_progress=step is not None and step.saved,
            )
            self._must_pause = not self._may_continue()
        return self._must_pause or self._request is not None or self._is_stopping()


def _file_stamp(path: Path) -> tuple[int, int, float] | None:
    """Return the size, modification time (ns) and change time (s); ``None`` on an error."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime
