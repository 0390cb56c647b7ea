"""Executes a claimed job, up to the archiving of its source files."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.attempt.degrade import degraded_config
from appliance.attempt.protocol import ProgressUpdate, RenderRequest, StopRequested
from appliance.config import Config, apply_overrides
from appliance.daemon.companions import find_companions
from appliance.daemon.delivery import deliver, withdraw
from appliance.daemon.hooks import WorkerHooks
from appliance.errors import BadInput, Fault, LecternError
from appliance.files.atomic import translate_write_errors, write_text
from appliance.files.names import safe_stem
from appliance.inbox.archive import archive_sources
from appliance.inbox.completeness import INCOMPLETE_CODES
from appliance.inbox.mount_guard import MountGuard, path_exists
from appliance.inbox.stability import is_open_for_writing
from appliance.jobs.models import Job, Reason, display_name
from appliance.jobs.states import JobRequest, JobState
from appliance.jobs.worker_store import WorkerStore
from appliance.logs.line import job_context
from appliance.system.elapsed import ElapsedTimes
from appliance.system.regular_file import is_regular

log = logging.getLogger("lectern.worker")

SLICE_S = 3600.0
"""Seconds after which a job stops at its next chunk, if a job of another user is ready to start. It
continues there when it is its owner's turn again."""

_RECORD_INTERVAL_S = 2.0  # maximum time between two updates of the progress in the queue

_SHARE_ERRORS = {"file_missing", "file_unreadable", "source_removed"}
"""Errors of a file that may be caused by the network share it is on."""

_SHARE_RETRY_S = 120.0  # delay of a retry while the network share is unavailable

_EXTERNAL_FAULTS = {"disk_full", "database_busy"}
"""Transient faults; retries after them are not counted."""

_OUT_OF_MEMORY_CODES = {"out_of_memory", "processing_crashed"}
"""Faults after which the next attempt uses a higher degrade level."""


@dataclass(frozen=True)
class JobFolders:
    """The folders of the jobs below the root folder ``root``."""

    root: Path

    @property
    def inbox(self) -> Path:
        """The watched folder."""
        return self.root / "inbox"

    @property
    def outbox(self) -> Path:
        """The folder for finished videos."""
        return self.root / "outbox"

    @property
    def work(self) -> Path:
        """The folder with a subfolder for each job that is not finished."""
        return self.root / "state" / "work"

    def for_job(self, job: Job) -> Path:
        """Return the folder for the checkpoints and the unpublished result of ``job``."""
        return self.work / f"{job.id:06d}"

    def create(self) -> None:
        """Create the folders that are missing."""
        for folder in (self.outbox, self.work):
            folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # other jobs continue while the share is unavailable
            self.inbox.mkdir(parents=True, exist_ok=True)


class JobRunner:
    """Executes claimed jobs: render, deliver, record the outcome, archive the source files.

    ``may_continue`` returns whether the current job may continue, ``is_stopping`` whether the
    daemon is stopping. ``on_error`` is called with each fault of a job or of its environment.
    """

    def __init__(
        self,
        store: WorkerStore,
        config: Config,
        hooks: WorkerHooks,
        *,
        may_continue: Callable[[], bool],
        is_stopping: Callable[[], bool],
        on_error: Callable[[LecternError], None],
    ) -> None:
        self._store = store
        self._config = config
        self._hooks = hooks
        self._may_continue = may_continue
        self._is_stopping = is_stopping
        self._on_error = on_error
        self._folders = JobFolders(config.root)
        self._unarchived: set[int] = set()
        self._yields = False
        self._changes = ElapsedTimes(hooks.now, hooks.monotonic)

    def run(self, job: Job) -> None:
        """Execute the claimed ``job``. Raises only errors of the queue."""
        log.info("job %d: %s, attempt %d", job.id, display_name(job.stem), job.attempts)
        try:
            report, video = self._render(job)
            self._deliver(job, report, video)
        except StopRequested:
            self._interrupt(job, yields=self._yields)
        except BadInput as error:
            if self._is_transient(job, error):
                self._requeue(job, error)
            else:
                self._fail(job, error)
        except LecternError as error:
            self._requeue(job, error)
        except Exception as error:
            log.exception("job %d: unexpected error", job.id)
            reason = f"{type(error).__name__}: {error}"
            self._requeue(job, Fault("processing_failed", reason=reason))
        self.archive_ended()

    def _render(self, job: Job) -> tuple[dict[str, Any], Path]:
        """Render ``job`` and return its report and video, both in its folder.

        If an earlier attempt has finished the video, it is reused.

        Raises the errors of the attempt, ``BadInput("job_options_invalid")``, and
        ``Fault("source_changed")`` if presenter or lecture were changed meanwhile.
        """
        folder = self._folders.for_job(job)
        finished, video = folder / "report.json", _video_path(folder, job)
        if is_regular(finished) and is_regular(video):
            report: dict[str, Any] = json.loads(finished.read_bytes())
            return report, video
        assert job.presenter is not None and job.lecture is not None
        sources = (job.presenter, job.lecture)
        chunks = folder / "chunks"
        with translate_write_errors(video):
            chunks.mkdir(parents=True, exist_ok=True)
        config = degraded_config(apply_overrides(self._config, job.options), job.degrade_level)
        for path in sources:
            self._refuse_linked_folder(path)
            if not path_exists(path):
                raise BadInput("source_removed", name=path.name)
            if is_open_for_writing(path):  # replaced while it was queued
                raise Fault("source_changed", name=path.name)
        before = [_file_stamp(path) for path in sources]
        began, self._yields = self._hooks.monotonic(), False
        progress = JobProgress(
            self._store,
            job,
            lambda: self._may_continue() and not self._is_slice_over(job, began),
            self._is_stopping,
            self._hooks.heartbeat,
        )
        companions = find_companions(self._store, job, self._folders.inbox)
        request = RenderRequest(chunks, *sources, video, config, *companions)
        report = self._hooks.attempt(request, progress)
        for path, stamp in zip(sources, before, strict=True):
            if _file_stamp(path) != stamp:
                raise Fault("source_changed", name=path.name)
        with translate_write_errors(finished):
            write_text(finished, json.dumps(report))
        return report, video

    def _refuse_linked_folder(self, path: Path) -> None:
        """Raise ``BadInput`` if a link has taken the place of the dropped folder of ``path``."""
        folder = path.parent
        if folder.is_symlink() and folder.parent == self._folders.inbox:
            raise BadInput("file_not_regular", name=folder.name)

    def _deliver(self, job: Job, report: dict[str, Any], video: Path) -> None:
        """Publish the result of ``job`` in the outbox and mark the job as done."""
        output = deliver(
            self._store, job, video, report, self._folders.outbox, self._hooks.heartbeat
        )
        self._hooks.on_report(report)
        self._store.finish(job.id)
        _log_job(logging.INFO, job, "is done: %s", display_name(output.name))

    def _is_slice_over(self, job: Job, began: float) -> bool:
        """Return whether ``job`` has run long enough while another user waits."""
        if self._hooks.monotonic() - began >= SLICE_S and self._store.should_yield(job):
            self._yields = True
        return self._yields

    def _interrupt(self, job: Job, *, yields: bool) -> None:
        """Record that ``job`` was stopped on request: of a user, the governor or the daemon."""
        request = self._store.get(job.id).request  # the user may have withdrawn it
        if request is not None:
            self._store.apply_request(job.id, request)
        else:
            self._store.requeue(job.id, count_attempt=False, yields=yields)
        self._reset_estimate(job)
        _log_job(logging.INFO, job, "is %s", self._store.get(job.id).state.value)

    def _fail(self, job: Job, error: BadInput) -> None:
        """Mark ``job`` as failed: a retry would not help."""
        self._store.fail(job.id, Reason.from_error(error))
        _log_job(logging.INFO, job, "failed: %s", error)

    def _requeue(self, job: Job, error: LecternError) -> None:
        """Queue ``job`` again after a fault, or mark it as failed after too many attempts."""
        self._on_error(error)
        if error.code in _OUT_OF_MEMORY_CODES:
            self._store.degrade(job.id)
        share_unavailable = self._is_share_unavailable(error)
        state = self._store.requeue(
            job.id,
            Reason.from_error(error),
            count_attempt=not (share_unavailable or error.code in _EXTERNAL_FAULTS),
            min_wait_s=_SHARE_RETRY_S if share_unavailable else 0.0,
        )
        self._reset_estimate(job)
        _log_job(logging.WARNING, job, "is %s: %s", state.value, error)

    def archive_ended(self) -> None:
        """Delete the folders of all ended jobs and archive their source files.

        A job whose files cannot be moved yet stays unarchived; the error is logged once.
        """
        for job in self._store.unarchived():
            try:
                folder = self._folders.for_job(job)
                if job.state is not JobState.DONE:
                    withdraw(self._store, job, _video_path(folder, job))
                shutil.rmtree(folder, ignore_errors=True)
                archive_sources(self._store, job, self._folders.inbox)
                self._unarchived.discard(job.id)
            except OSError as error:  # in use, or permission denied
                if job.id not in self._unarchived:
                    _log_job(logging.WARNING, job, "has files that cannot be moved yet: %s", error)
                self._unarchived.add(job.id)

    def _is_transient(self, job: Job, error: BadInput) -> bool:
        """Return whether a retry may succeed after ``error``.

        The cause may be a temporary problem of a share, an incomplete copy, or memory that other
        programs use.
        """
        if error.code == "file_unreadable" or self._is_share_unavailable(error):
            return True
        if error.code == "memory_too_small":
            # Otherwise the limit is set in the configuration.
            return self._config.render.memory_limit_mb == 0
        changed = [_file_stamp(path) for path in (job.presenter, job.lecture) if path is not None]
        changed_at = max((stamp[2] for stamp in changed if stamp), default=0.0)
        timeout_s = self._config.inbox.incomplete_timeout_s
        if error.code not in INCOMPLETE_CODES or timeout_s <= 0:
            return False
        return self._changes.since(job.id, changed_at) < timeout_s

    def _is_share_unavailable(self, error: LecternError) -> bool:
        """Return whether the files could not be read because their share is unavailable."""
        return error.code in _SHARE_ERRORS and MountGuard(self._config.root).is_unmounted()

    def _reset_estimate(self, job: Job) -> None:
        """Request a new estimate of the disk space: part of the work may be done already."""
        self._store.disk_budget.set_estimate(job.id, None)


class JobProgress:
    """Records the progress of one attempt regularly and decides whether it must stop.

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
        self._heartbeat = heartbeat
        self._last = ProgressUpdate("", 0, 0)
        self._recorded_at = 0.0
        self._must_pause = False
        self._request: JobRequest | None = None

    def __call__(self, update: ProgressUpdate | None) -> bool:
        """Handle an update, see :data:`~appliance.attempt.protocol.ProgressCallback`."""
        self._heartbeat()
        is_significant = update is not None and (update.saved or update.stage != self._last.stage)
        self._last = update or self._last
        if is_significant or time.monotonic() - self._recorded_at >= _RECORD_INTERVAL_S:
            self._recorded_at = time.monotonic()
            self._request = self._store.update_progress(
                self._job.id,
                self._last.stage,
                self._last.done,
                self._last.total,
                made_progress=update is not None and update.saved,
            )
            self._must_pause = not self._may_continue()
        return self._must_pause or self._request is not None or self._is_stopping()


def _video_path(folder: Path, job: Job) -> Path:
    """Return the path of the unpublished video in the folder of ``job``."""
    return folder / f"{safe_stem(job.stem)}.mp4"


def _log_job(level: int, job: Job, text: str, *values: object) -> None:
    with job_context(job.id):
        log.log(level, f"job %d {text}", job.id, *values)


def _file_stamp(path: Path) -> tuple[int, int, float] | None:
    """Return the size, modification time (ns) and change time (s); ``None`` on an error.

    Links are not followed: one that takes the place of a file has another stamp.
    """
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime
