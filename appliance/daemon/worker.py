"""The worker: executes jobs and previews, and deletes expired jobs in between."""

from __future__ import annotations

import contextlib
import logging
import math
import shutil
import threading
from pathlib import Path

from appliance.config import Config
from appliance.daemon.hooks import WorkerHooks
from appliance.daemon.job_run import JobFolders, JobRunner
from appliance.errors import LecternError
from appliance.governor.disk_reserve import DiskReserve
from appliance.governor.governor import build_governor
from appliance.governor.rules import DiskRule
from appliance.jobs.retention import RetentionPolicy, delete_expired
from appliance.jobs.states import FINAL_STATES, JobState
from appliance.jobs.worker_store import WorkerStore
from appliance.logs.line import job_context

log = logging.getLogger("lectern.worker")

_RETENTION_INTERVAL_S = 3600.0
_MB = 1 << 20

PREVIEWS_IN_A_ROW, PREVIEW_PAUSE_S = 5, 300.0
"""Number of previews that precede the current job, and the seconds for which it then continues."""

_AMPLE_DISK_MB = 50_000.0
"""Above this much spare disk space in MiB, jobs are not estimated."""


def folder_size_mb(folder: Path) -> float:
    """Return the total size of the files below ``folder``, in MiB; 0 if it does not exist."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total / _MB


class Worker:
    """Executes the jobs of ``store``, one after the other, with the folders below ``config.root``.

    There is only one worker per device. Once ``stop`` is set, the current job is stopped at the
    next point from which it can be resumed, and queued again.
    """

    def __init__(
        self,
        store: WorkerStore,
        config: Config,
        stop: threading.Event,
        hooks: WorkerHooks | None = None,
    ) -> None:
        self._store = store
        self._settings = config.jobs
        self._stop = stop
        self._hooks = hooks = hooks or WorkerHooks()
        self._retention_applied_at = -math.inf
        self._previews_in_a_row, self._preview_made_at = 0, 0.0
        self._folders = JobFolders(config.root)
        self._folders.create()
        self._disk = DiskRule(config.jobs.min_free_disk_mb, self._free_disk_mb, hooks.monotonic)
        self._reserve = DiskReserve(config.root / "state" / "disk_reserve")
        self._governor = build_governor(
            store,
            config.governor,
            self._disk,
            read_telemetry=hooks.read_telemetry,
            preview_requested=self._is_preview_due,
            now=hooks.now,
        )
        self._runner = JobRunner(
            store,
            config,
            hooks,
            may_continue=lambda: self._governor.allows(job_running=True),
            is_stopping=stop.is_set,
            on_error=self._handle_disk_full,
        )

    def recover(self, *, unclean_shutdown: bool = True) -> None:
        """Queue again the job that was interrupted, and delete the folders of no unfinished job.

        ``unclean_shutdown`` says that the previous daemon crashed or was killed.
        """
        for job in self._store.recover(unclean_shutdown=unclean_shutdown):
            log.info("job %d was interrupted and is %s now", job.id, job.state.value)
        # The folder of an ended job is still there if an error of the disk kept it from deletion.
        jobs = [*self._store.jobs(set(JobState) - FINAL_STATES), *self._store.unarchived()]
        job_folders = {self._folders.for_job(job) for job in jobs}
        for folder in self._folders.work.iterdir():
            if folder not in job_folders:
                shutil.rmtree(folder, ignore_errors=True)

    def run(self, pause_s: float = 1.0) -> None:
        """Work until ``stop`` is set; check an empty queue every ``pause_s`` seconds."""
        last_error = ""
        while not self._stop.is_set():
            self._hooks.heartbeat()
            try:
                if last_error:  # after an error a job may still be marked as running
                    self._store.recover(unclean_shutdown=False)
                busy, last_error = self.run_next(), ""
            except (LecternError, OSError) as error:  # of the queue or the disk, may be transient
                if str(error) != last_error:
                    log.error("%s", error)
                busy, last_error = False, str(error)
                self._handle_disk_full(error)
            if not busy:
                self._stop.wait(pause_s)

    def run_next(self) -> bool:
        """Archive ended jobs, then make a preview or execute the next job.

        Returns False if there was nothing to do.
        """
        self._runner.archive_ended()
        self._apply_retention()
        if self._is_preview_due():
            self._hooks.previews.make_next(self._hooks.heartbeat)
            self._previews_in_a_row += 1
            self._preview_made_at = self._hooks.monotonic()
            return True
        self._folders.create()
        if not self._governor.allows(job_running=False):
            self._previews_in_a_row = 0  # they delay no job
            return False
        self._reserve.allocate()
        available_mb = self._disk_mb_for_next_job()
        job = None if self._stop.is_set() else self._store.claim(available_mb)
        if job is None:
            self._previews_in_a_row = 0
            return False
        with job_context(job.id):
            self._runner.run(job)
        return True

    def _is_preview_due(self) -> bool:
        """Return whether a preview is requested, and jobs are not delayed by too many of them."""
        if self._previews_in_a_row >= PREVIEWS_IN_A_ROW:
            if self._hooks.monotonic() - self._preview_made_at < PREVIEW_PAUSE_S:
                return False
            self._previews_in_a_row = 0
        return self._hooks.previews.has_pending()

    def _apply_retention(self) -> None:
        now = self._hooks.monotonic()
        if now - self._retention_applied_at < _RETENTION_INTERVAL_S:
            return
        self._retention_applied_at = now
        settings = self._settings
        policy = RetentionPolicy(
            settings.max_age_days, settings.max_total_gb, settings.keep_undownloaded
        )
        for job in delete_expired(self._store, policy):
            with job_context(job.id):
                log.info("job %d is %s and expired: files deleted", job.id, job.state.value)

    def _disk_mb_for_next_job(self) -> float:
        """Return the MiB that the next job may take; ``inf`` if there is ample space."""
        available_mb = self._free_disk_mb() - self._settings.min_free_disk_mb
        if available_mb >= _AMPLE_DISK_MB:
            self._store.disk_budget.mark_too_large(math.inf)
            return math.inf
        while (job := self._store.disk_budget.next_unestimated()) is not None:
            try:
                used_mb = folder_size_mb(self._folders.for_job(job))
                expected_mb = max(self._hooks.estimate(job) - used_mb, 0.0)
            except LecternError as error:  # the attempt will report it
                if self._stop.is_set():
                    break
                log.debug("job %d cannot be estimated: %s", job.id, error)
                expected_mb = 0.0
            self._store.disk_budget.set_estimate(job.id, expected_mb)
            self._hooks.heartbeat()
        self._store.disk_budget.mark_too_large(available_mb)
        return available_mb

    def _free_disk_mb(self) -> float:
        """Return the free MiB in the work folder or the outbox, whichever has less."""
        find_free_mb = self._hooks.find_free_mb
        return min(find_free_mb(self._folders.work), find_free_mb(self._folders.outbox))

    def _handle_disk_full(self, error: Exception) -> None:
        """If a write failed for lack of space, release the reserve and wait for more space.

        The released space allows the queue to record the fault.
        """
        if isinstance(error, LecternError) and error.code == "disk_full":
            self._reserve.release()
            self._disk.note_disk_full()
