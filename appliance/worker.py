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

from appliance.attempt.order import Stopped
from appliance.attempt.parent import run_attempt
from appliance.config import Config
from appliance.errors import BadInput, Fault, LecternError
from appliance.governor.ballast import Ballast
from appliance.governor.build import build_governor
from appliance.governor.disk import Disk
from appliance.governor.governor import Look
from appliance.inbox.sources import put_away
from appliance.jobs.record import Job, Reason, shown
from appliance.jobs.retention import Policy, sweep
from appliance.jobs.store import JobStore
from appliance.logs.line import about_job
from appliance.outbox import deliver
from appliance.rendering import Attempt, JobWatch, is_away, may_pass, render_job

log = logging.getLogger("lectern.worker")

_SWEEP_EVERY_S = 3600.0
_MB = 1 << 20

_PLENTY_MB = 50_000.0
"""Above this much spare disk space in MiB, jobs are not estimated."""

_NOT_THE_JOBS_DOING = {"disk_full", "store_busy"}
"""Transient faults; retries after them are not counted."""

_AWAY_S = 120.0  # delay of a retry while the network share is unavailable

_FOR_WANT_OF_MEMORY = {"memory_ran_out", "work_died"}
"""Faults after which the next attempt uses a higher degrade level."""

Estimate = Callable[[Job], float]
"""Returns the MiB of disk space that a job takes; raises ``LecternError`` for unusable files."""


class Previews(Protocol):
    """The requested previews; see :mod:`appliance.errands.preview`."""

    def waiting(self) -> bool:
        """Return whether a preview is requested."""
        ...

    def make_one(self, beat: Callable[[], None]) -> None:
        """Make the oldest requested preview; ``beat`` is called regularly meanwhile."""
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
    (:func:`~appliance.attempt.parent.run_attempt`), ``look`` returns the newest telemetry reading,
    ``find_free`` the free space in MiB of the file system of a path, ``estimate`` the MiB that a
    job takes, ``now`` the seconds since 1970. ``beat`` is called regularly during the work (for the
    watchdog of the service manager), ``learned`` with each report. Once ``stop`` is set, the
    current job is interrupted where it can be resumed, and queued again.
    """

    def __init__(
        self,
        store: JobStore,
        config: Config,
        stop: threading.Event,
        *,
        attempt: Attempt = run_attempt,
        look: Look = lambda: None,
        previews: Previews | None = None,
        estimate: Estimate = lambda job: 0.0,
        find_free: Callable[[Path], float] = free_mb,
        now: Callable[[], float] = time.time,
        beat: Callable[[], None] = lambda: None,
        learned: Callable[[dict[str, Any]], None] = lambda report: None,
    ) -> None:
        self._store = store
        self._config = config
        self._stop = stop
        self._attempt = attempt
        self._previews = previews
        self._estimate = estimate
        self._find_free = find_free
        self._now = now
        self._beat = beat
        self._learned = learned
        self._swept = 0.0
        self._stuck: set[int] = set()
        root = config.root
        self._inbox, self._outbox = root / "inbox", root / "outbox"
        self._work = root / "state" / "work"
        self._make_folders()
        self._disk = Disk(config.jobs.min_free_mb, self._free)
        self._ballast = Ballast(root / "state" / "ballast")
        self._governor = build_governor(
            store, config, self._disk, look=look, preview_waits=self._preview_waits, now=now
        )

    def recover(self, *, went_down: bool = True) -> None:
        """Queue again what was running when the daemon ended, and delete folders without a job.

        ``went_down``: the previous daemon did not end regularly.
        """
        for job in self._store.recover(went_down=went_down):
            log.info("job %d was interrupted and is %s now", job.id, job.state.value)
        ours = {self._folder(job).name for job in self._store.jobs()}
        for folder in self._work.iterdir():
            if folder.name not in ours:
                shutil.rmtree(folder, ignore_errors=True)

    def run(self, pause_s: float = 1.0) -> None:
        """Work until ``stop`` is set; check an empty queue every ``pause_s`` seconds."""
        complaint = ""
        while not self._stop.is_set():
            self._beat()
            try:
                if complaint:  # after an error a job may still be marked as running
                    self._store.recover(went_down=False)
                busy, complaint = self.step(), ""
            except (LecternError, OSError) as error:  # of the queue or the disk: may be transient
                if str(error) != complaint:
                    log.error("%s", error)
                busy, complaint = False, str(error)
                self._notice_full(error)
            if not busy:
                self._stop.wait(pause_s)

    def step(self) -> bool:
        """Archive finished jobs, then make a preview or execute the next job.

        Returns False if there was nothing to do.
        """
        self._put_away()
        self._sweep()
        if self._previews is not None and self._previews.waiting():
            self._previews.make_one(self._beat)
            return True
        self._make_folders()
        if not self._governor.allows(working=False):
            return False
        self._ballast.lay()
        room = self._room()
        job = None if self._stop.is_set() else self._store.claim(room)
        if job is None:
            return False
        with about_job(job.id):
            self._do(job)
        self._put_away()
        return True

    def _do(self, job: Job) -> None:
        log.info("job %d: %s, attempt %d", job.id, shown(job.stem), job.attempts)
        watch = JobWatch(
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
            self._tell(logging.INFO, job, "is done: %s", shown(output.name))
        except Stopped:
            request = self._store.get(job.id).request  # the user may have withdrawn it
            if request is not None:
                self._store.obey(job.id, request)
            else:
                self._store.hand_back(job.id, excused=True)
            self._store.space.expect(job.id, None)  # part of the job is done: estimate it again
            self._tell(logging.INFO, job, "is %s", self._store.get(job.id).state.value)
        except Exception as error:
            self._fault(job, error)

    def _fault(self, job: Job, error: Exception) -> None:
        """Record a failed attempt: the job has failed, or is retried later."""
        if isinstance(error, BadInput) and not may_pass(job, error, self._config, self._now()):
            self._store.fail(job.id, Reason.of(error))
            self._tell(logging.INFO, job, "failed: %s", error)
            return
        if not isinstance(error, LecternError):
            log.exception("job %d", job.id)
            error = Fault("work_failed", reason=f"{type(error).__name__}: {error}")
        self._notice_full(error)
        if error.code in _FOR_WANT_OF_MEMORY:
            self._store.relieve(job.id)
        away = is_away(error, self._config)
        state = self._store.hand_back(
            job.id,
            Reason.of(error),
            excused=away or error.code in _NOT_THE_JOBS_DOING,
            at_least_s=_AWAY_S if away else 0.0,
        )
        self._store.space.expect(job.id, None)
        self._tell(logging.WARNING, job, "is %s: %s", state.value, error)

    def _notice_full(self, error: Exception) -> None:
        """If a write failed for lack of space, release the reserve and wait for more space.

        The released space allows the queue to record the fault.
        """
        if isinstance(error, LecternError) and error.code == "disk_full":
            self._ballast.drop()
            self._disk.found_full(self._now())

    def _tell(self, level: int, job: Job, text: str, *values: object) -> None:
        with about_job(job.id):
            log.log(level, f"job %d {text}", job.id, *values)

    def _room(self) -> float:
        """Return the MiB that the next job may take; ``inf`` if there is ample space."""
        room = self._free() - self._config.jobs.min_free_mb
        if room >= _PLENTY_MB:
            self._store.space.mark(math.inf)
            return math.inf
        while (job := self._store.space.unknown()) is not None:
            try:
                expected = max(self._estimate(job) - size_mb(self._folder(job)), 0.0)
            except LecternError as error:  # the attempt will report it
                if self._stop.is_set():
                    break
                log.debug("job %d cannot be estimated: %s", job.id, error)
                expected = 0.0
            self._store.space.expect(job.id, expected)
            self._beat()
        self._store.space.mark(room)
        return room

    def _free(self) -> float:
        """Return the MiB free where work and results are written, the lower of the two."""
        return min(self._find_free(self._work), self._find_free(self._outbox))

    def _preview_waits(self) -> bool:
        return self._previews is not None and self._previews.waiting()

    def _put_away(self) -> None:
        for job in self._store.unsettled():
            try:
                shutil.rmtree(self._folder(job), ignore_errors=True)
                put_away(self._store, job, self._inbox)
                self._stuck.discard(job.id)
            except OSError as error:  # in use, or permission denied: retried in the next iteration
                if job.id not in self._stuck:
                    self._tell(
                        logging.WARNING, job, "has files that cannot be moved yet: %s", error
                    )
                self._stuck.add(job.id)

    def _sweep(self) -> None:
        now = self._now()
        if abs(now - self._swept) < _SWEEP_EVERY_S:
            return
        self._swept = now
        keep = self._config.jobs
        policy = Policy(keep.keep_days, keep.keep_gb, keep.keep_unfetched)
        for job in sweep(self._store, policy, now):
            self._tell(logging.INFO, job, "is %s and expired: files deleted", job.state.value)

    def _make_folders(self) -> None:
        for folder in (self._outbox, self._work):
            folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # other jobs continue while the share is unavailable
            self._inbox.mkdir(parents=True, exist_ok=True)

    def _folder(self, job: Job) -> Path:
        return self._work / f"{job.id:06d}"
