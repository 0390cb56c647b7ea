"""The worker: executes the jobs of the queue, one after the other."""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from appliance.attempt.parent import run_attempt
from appliance.attempt.protocol import AttemptRunner, StopRequested
from appliance.config import Config
from appliance.daemon.delivery import deliver
from appliance.daemon.job_run import JobProgress, is_share_unavailable, is_transient, render_job
from appliance.errors import BadInput, Fault, LecternError
from appliance.governor.disk_reserve import DiskReserve
from appliance.governor.governor import ReadConditions, build_governor
from appliance.governor.rules import DiskRule
from appliance.inbox.archive import archive_sources
from appliance.jobs.models import Job, Reason, display_name
from appliance.jobs.retention import RetentionPolicy, delete_expired
from appliance.jobs.worker_store import WorkerStore
from appliance.logs.line import job_context

log = logging.getLogger("lectern.worker")

_RETENTION_INTERVAL_S = 3600.0
_MB = 1 << 20

_AMPLE_DISK_MB = 50_000.0
"""Above this much spare disk space in MiB, jobs are not estimated."""

_EXTERNAL_FAULTS = {"disk_full", "database_busy"}
"""Transient faults; retries after them are not counted."""

_SHARE_RETRY_S = 120.0  # delay of a retry while the network share is unavailable

_OUT_OF_MEMORY_CODES = {"out_of_memory", "processing_crashed"}
"""Faults after which the next attempt uses a higher degrade level."""

Estimate = Callable[[Job], float]
"""Returns the MiB of disk space that a job takes; raises ``LecternError`` for unusable files."""


class PreviewSource(Protocol):
    """The requested previews; see :mod:`appliance.tasks.preview`."""

    def has_pending(self) -> bool:
        """Return whether a preview is requested."""
        ...

    def make_next(self, heartbeat: Callable[[], None]) -> None:
        """Make the oldest requested preview; ``heartbeat`` is called regularly meanwhile."""
        ...


def free_mb(path: Path) -> float:
    """Return the free space of the file system that contains ``path``, in MiB."""
    return shutil.disk_usage(path).free / _MB


def size_mb(folder: Path) -> float:
    """Return the total size of the files below ``folder``, in MiB; 0 if it does not exist."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total / _MB


class Worker:
    """Executes the jobs of ``store``, with the folders below ``config.root``.

    There is only one worker per device. ``attempt`` renders
    (:func:`~appliance.attempt.parent.run_attempt`), ``read_telemetry`` returns the newest reading,
    ``find_free`` the free space in MiB of the file system of a path, ``estimate`` the MiB that a
    job takes, ``now`` the seconds since 1970. ``heartbeat`` is called regularly during the work
    (for the watchdog of the service manager), ``on_report`` with each report. Once ``stop`` is set,
    the current job is interrupted where it can be resumed, and queued again.
    """

    def __init__(
        self,
        store: WorkerStore,
        config: Config,
        stop: threading.Event,
        *,
        attempt: AttemptRunner = run_attempt,
        read_telemetry: ReadConditions = lambda: None,
        previews: PreviewSource | None = None,
        estimate: Estimate = lambda job: 0.0,
        find_free: Callable[[Path], float] = free_mb,
        now: Callable[[], float] = time.time,
        heartbeat: Callable[[], None] = lambda: None,
        on_report: Callable[[dict[str, Any]], None] = lambda report: None,
    ) -> None:
        self._store = store
        self._config = config
        self._stop = stop
        self._attempt = attempt
        self._previews = previews
        self._estimate = estimate
        self._find_free = find_free
        self._now = now
        self._beat = heartbeat
        self._learned = on_report
        self._retention_applied_at = 0.0
        self._unarchived: set[int] = set()
        root = config.root
        self._inbox, self._outbox = root / "inbox", root / "outbox"
        self._work = root / "state" / "work"
        self._make_folders()
        self._disk = DiskRule(config.jobs.min_free_disk_mb, self._free_disk_mb)
        self._ballast = DiskReserve(root / "state" / "ballast")
        self._governor = build_governor(
            store,
            config,
            self._disk,
            read_telemetry=read_telemetry,
            preview_requested=self._preview_requested,
            now=now,
        )

    def recover(self, *, unclean_shutdown: bool = True) -> None:
        """Queue again what was running when the daemon ended, and delete folders without a job.

        ``unclean_shutdown``: the previous daemon did not end regularly.
        """
        for job in self._store.recover(unclean_shutdown=unclean_shutdown):
            log.info("job %d was interrupted and is %s now", job.id, job.state.value)
        job_folders = {self._folder(job).name for job in self._store.jobs()}
        for folder in self._work.iterdir():
            if folder.name not in job_folders:
                shutil.rmtree(folder, ignore_errors=True)

    def run(self, pause_s: float = 1.0) -> None:
        """Work until ``stop`` is set; check an empty queue every ``pause_s`` seconds."""
        last_error = ""
        while not self._stop.is_set():
            self._beat()
            try:
                if last_error:  # after an error a job may still be marked as running
                    self._store.recover(unclean_shutdown=False)
                busy, last_error = self.run_next(), ""
            except (LecternError, OSError) as error:  # of the queue or the disk: may be transient
                if str(error) != last_error:
                    log.error("%s", error)
                busy, last_error = False, str(error)
                self._handle_disk_full(error)
            if not busy:
                self._stop.wait(pause_s)

    def run_next(self) -> bool:
        """Archive finished jobs, then make a preview or execute the next job.

        Returns False if there was nothing to do.
        """
        self._archive_sources()
        self._apply_retention()
        if self._previews is not None and self._previews.has_pending():
            self._previews.make_next(self._beat)
            return True
        self._make_folders()
        if not self._governor.allows(working=False):
            return False
        self._ballast.allocate()
        available_mb = self._space_for_next_mb()
        job = None if self._stop.is_set() else self._store.claim(available_mb)
        if job is None:
            return False
        with job_context(job.id):
            self._process(job)
        self._archive_sources()
        return True

    def _process(self, job: Job) -> None:
        log.info("job %d: %s, attempt %d", job.id, display_name(job.stem), job.attempts)
        watch = JobProgress(
            self._store,
            job,
            lambda: self._governor.allows(working=True),
            self._stop.is_set,
            self._beat,
        )
        try:
            folder = self._folder(job)
            report, video = render_job(job, folder, self._config, self._attempt, watch)
            output = deliver(self._store, job, video, report, self._outbox, self._beat)
            self._learned(report)
            self._store.finish(job.id)
            self._log_job(logging.INFO, job, "is done: %s", display_name(output.name))
        except StopRequested:
            request = self._store.get(job.id).request  # the user may have withdrawn it
            if request is not None:
                self._store.apply_request(job.id, request)
            else:
                self._store.requeue(job.id, excused=True)
            self._store.disk_budget.set_estimate(
                job.id, None
            )  # part of the job is done: estimate it again
            self._log_job(logging.INFO, job, "is %s", self._store.get(job.id).state.value)
        except Exception as error:
            self._handle_failure(job, error)

    def _handle_failure(self, job: Job, error: Exception) -> None:
        """Record a failed attempt: the job has failed, or is retried later."""
        if isinstance(error, BadInput) and not is_transient(job, error, self._config, self._now()):
            self._store.fail(job.id, Reason.from_error(error))
            self._log_job(logging.INFO, job, "failed: %s", error)
            return
        if not isinstance(error, LecternError):
            log.exception("job %d", job.id)
            error = Fault("processing_failed", reason=f"{type(error).__name__}: {error}")
        self._handle_disk_full(error)
        if error.code in _OUT_OF_MEMORY_CODES:
            self._store.degrade(job.id)
        share_unavailable = is_share_unavailable(error, self._config)
        state = self._store.requeue(
            job.id,
            Reason.from_error(error),
            excused=share_unavailable or error.code in _EXTERNAL_FAULTS,
            min_wait_s=_SHARE_RETRY_S if share_unavailable else 0.0,
        )
        self._store.disk_budget.set_estimate(job.id, None)
        self._log_job(logging.WARNING, job, "is %s: %s", state.value, error)

    def _handle_disk_full(self, error: Exception) -> None:
        """If a write failed for lack of space, release the reserve and wait for more space.

        The released space allows the queue to record the fault.
        """
        if isinstance(error, LecternError) and error.code == "disk_full":
            self._ballast.release()
            self._disk.note_disk_full(self._now())

    def _log_job(self, level: int, job: Job, text: str, *values: object) -> None:
        with job_context(job.id):
            log.log(level, f"job %d {text}", job.id, *values)

    def _space_for_next_mb(self) -> float:
        """Return the MiB that the next job may take; ``inf`` if there is ample space."""
        available_mb = self._free_disk_mb() - self._config.jobs.min_free_disk_mb
        if available_mb >= _AMPLE_DISK_MB:
            self._store.disk_budget.mark_too_large(math.inf)
            return math.inf
        while (job := self._store.disk_budget.next_unestimated()) is not None:
            try:
                expected = max(self._estimate(job) - size_mb(self._folder(job)), 0.0)
            except LecternError as error:  # the attempt will report it
                if self._stop.is_set():
                    break
                log.debug("job %d cannot be estimated: %s", job.id, error)
                expected = 0.0
            self._store.disk_budget.set_estimate(job.id, expected)
            self._beat()
        self._store.disk_budget.mark_too_large(available_mb)
        return available_mb

    def _free_disk_mb(self) -> float:
        """Return the MiB free where work and results are written, the lower of the two."""
        return min(self._find_free(self._work), self._find_free(self._outbox))

    def _preview_requested(self) -> bool:
        return self._previews is not None and self._previews.has_pending()

    def _archive_sources(self) -> None:
        for job in self._store.unarchived():
            try:
                shutil.rmtree(self._folder(job), ignore_errors=True)
                archive_sources(self._store, job, self._inbox)
                self._unarchived.discard(job.id)
            except OSError as error:  # in use, or permission denied: retried in the next iteration
                if job.id not in self._unarchived:
                    self._log_job(
                        logging.WARNING, job, "has files that cannot be moved yet: %s", error
                    )
                self._unarchived.add(job.id)

    def _apply_retention(self) -> None:
        now = self._now()
        if abs(now - self._retention_applied_at) < _RETENTION_INTERVAL_S:
            return
        self._retention_applied_at = now
        keep = self._config.jobs
        policy = RetentionPolicy(keep.max_age_days, keep.max_total_gb, keep.keep_undownloaded)
        for job in delete_expired(self._store, policy, now):
            self._log_job(logging.INFO, job, "is %s and expired: files deleted", job.state.value)

    def _make_folders(self) -> None:
        for folder in (self._outbox, self._work):
            folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # other jobs continue while the share is unavailable
            self._inbox.mkdir(parents=True, exist_ok=True)

    def _folder(self, job: Job) -> Path:
        return self._work / f"{job.id:06d}"
