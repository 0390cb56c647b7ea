"""The worker: takes one job after the other, whatever becomes of each."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.attempt import Order, Step, Stopped, Watch, run_attempt
from appliance.config import Config
from appliance.errors import BadInput, Fault, LecternError
from appliance.inbox.sources import put_away
from appliance.jobs.options import with_options
from appliance.jobs.record import Job, Reason, shown
from appliance.jobs.retention import Policy, sweep
from appliance.jobs.states import Request
from appliance.jobs.store import JobStore
from appliance.media.publish import part_of, publish, write_faults
from appliance.outbox import deliver, fitting

log = logging.getLogger("lectern.worker")

_REPORT_EVERY_S = 2.0  # how often progress is written to the disk
_SWEEP_EVERY_S = 3600.0
_MB = 1 << 20

_NOT_THE_JOBS_DOING = {"disk_full", "store_busy"}
"""Faults that end by themselves, and after which a job may try again as often as it takes."""

_MAY_PASS = {"file_unreadable"}
"""Faults of the material that may be a share's bad moment."""

_MAY_GROW = {
    "audio_missing",
    "audio_too_short",
    "audio_unreadable",
    "file_empty",
    "file_truncated",
    "not_media",
    "picture_unreadable",
    "text_empty",
    "video_missing",
}
"""What a file that is still being copied may look like."""

Attempt = Callable[[Order, Watch], dict[str, Any]]


def free_mb(path: Path) -> float:
    """Free space of the file system that holds ``path``, in MiB."""
    return shutil.disk_usage(path).free / _MB


class Worker:
    """Works on the jobs of ``store`` in the folders below ``config.root``.

    The only one of its box. ``attempt`` renders (see :func:`~appliance.attempt.run_attempt`),
    ``find_free`` measures free space, ``now`` tells the time. Once ``stop`` is set, the job in hand
    is left where it can go on later and queued again.
    """

    def __init__(
        self,
        store: JobStore,
        config: Config,
        stop: threading.Event,
        *,
        attempt: Attempt = run_attempt,
        find_free: Callable[[Path], float] = free_mb,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._config = config
        self._stop = stop
        self._attempt = attempt
        self._find_free = find_free
        self._now = now
        self._swept = 0.0
        self._stuck: set[int] = set()
        root = config.root
        self._inbox, self._outbox = root / "inbox", root / "outbox"
        self._work = root / "state" / "work"
        self._make_folders()

    def recover(self) -> None:
        """Queue again what ran when the box went down, and remove what belongs to no job."""
        for job in self._store.recover():
            log.info("job %d was interrupted and is %s now", job.id, job.state.value)
        ours = {self._folder(job).name for job in self._store.jobs()}
        for folder in self._work.iterdir():
            if folder.name not in ours:
                shutil.rmtree(folder, ignore_errors=True)

    def run(self, pause_s: float = 1.0) -> None:
        """Work until ``stop`` is set; between two looks at an empty queue pass ``pause_s``."""
        complaint = ""
        while not self._stop.is_set():
            try:
                if complaint:  # a job may have been left as if it still ran
                    self._store.recover()
                busy, complaint = self.step(), ""
            except (LecternError, OSError) as error:  # the queue or the disk: may pass
                if str(error) != complaint:
                    log.error("%s", error)
                busy, complaint = False, str(error)
            if not busy:
                self._stop.wait(pause_s)

    def step(self) -> bool:
        """Put ended jobs' files away and do the next job; ``False`` when there was none to do."""
        self._put_away()
        self._sweep()
        if not self._has_room():
            return False
        job = self._store.claim()
        if job is None:
            return False
        self._do(job)
        self._put_away()
        return True

    def _do(self, job: Job) -> None:
        log.info("job %d: %s, attempt %d", job.id, shown(job.stem), job.attempts)
        request: list[Request | None] = [None]
        try:
            report, video = self._render(job, request)
            output = deliver(self._store, job, video, report, self._outbox)
            self._store.finish(job.id)
            log.info("job %d is done: %s", job.id, shown(output.name))
        except Stopped:
            if request[0] is not None:
                self._store.obey(job.id, request[0])
            else:
                self._store.hand_back(job.id, excused=True)
            log.info("job %d is %s", job.id, self._store.get(job.id).state.value)
        except Exception as error:
            if isinstance(error, BadInput) and not self._may_pass(job, error):
                self._store.fail(job.id, Reason.of(error))
                log.info("job %d failed: %s", job.id, error)
                return
            if not isinstance(error, LecternError):
                log.exception("job %d", job.id)
                error = Fault("work_failed", reason=f"{type(error).__name__}: {error}")
            excused = error.code in _NOT_THE_JOBS_DOING
            state = self._store.hand_back(job.id, Reason.of(error), excused=excused)
            log.warning("job %d is %s: %s", job.id, state.value, error)

    def _render(self, job: Job, request: list[Request | None]) -> tuple[dict[str, Any], Path]:
        """The finished video and its report, both in the job's folder; made now, or taken over
        where an earlier attempt came this far. ``request`` holds what was asked meanwhile."""
        folder = self._folder(job)
        finished, video = folder / "report.json", folder / f"{fitting(job.stem)}.mp4"
        if finished.is_file() and video.is_file():
            report: dict[str, Any] = json.loads(finished.read_bytes())
            return report, video
        assert job.presenter is not None and job.lecture is not None
        chunks = folder / "chunks"
        with write_faults(video):
            chunks.mkdir(parents=True, exist_ok=True)
        config = with_options(self._config, job.options)
        order = Order(chunks, job.presenter, job.lecture, video, config)
        before = [_stamp(path) for path in (job.presenter, job.lecture)]
        report = self._attempt(order, self._watch(job, request))
        for path, stamp in zip((job.presenter, job.lecture), before, strict=True):
            if _stamp(path) != stamp:
                raise Fault("source_changed", name=path.name)
        with write_faults(finished):
            part_of(finished).write_text(json.dumps(report), encoding="utf-8")
            publish(finished)
        return report, video

    def _may_pass(self, job: Job, error: BadInput) -> bool:
        """Whether trying again later may help: a share's bad moment, or a copy not yet whole."""
        if error.code in _MAY_PASS:
            return True
        changed = [_stamp(path) for path in (job.presenter, job.lecture) if path is not None]
        age = self._now() - max((stamp[2] for stamp in changed if stamp), default=0.0)
        return error.code in _MAY_GROW and 0 <= age < self._config.inbox.patience_s

    def _watch(self, job: Job, request: list[Request | None]) -> Watch:
        """Writes progress down, now and then, and learns what is asked."""
        last, at = Step("", 0, 0), 0.0

        def watch(step: Step | None) -> bool:
            nonlocal last, at
            news = step is not None and (step.saved or step.stage != last.stage)
            last = step or last
            if news or time.monotonic() - at >= _REPORT_EVERY_S:
                at = time.monotonic()
                advanced = step is not None and step.saved
                request[0] = self._store.progress(
                    job.id, last.stage, last.done, last.total, advanced=advanced
                )
            return request[0] is not None or self._stop.is_set()

        return watch

    def _put_away(self) -> None:
        for job in self._store.unsettled():
            try:
                shutil.rmtree(self._folder(job), ignore_errors=True)
                put_away(self._store, job, self._inbox)
                self._stuck.discard(job.id)
            except OSError as error:  # in use, or no right to: tried again in the next round
                if job.id not in self._stuck:
                    log.warning("job %d: its files cannot be moved yet: %s", job.id, error)
                self._stuck.add(job.id)

    def _sweep(self) -> None:
        now = self._now()
        if abs(now - self._swept) < _SWEEP_EVERY_S:
            return
        self._swept = now
        keep = self._config.jobs
        policy = Policy(keep.keep_days, keep.keep_gb, keep.keep_unfetched)
        for job in sweep(self._store, policy, now):
            log.info("job %d was %s long ago: its files are deleted", job.id, job.state.value)

    def _has_room(self) -> bool:
        """Whether the disk has room for another job; says so in the store where it has not."""
        self._make_folders()
        needed = self._config.jobs.min_free_mb
        free = min(self._find_free(self._work), self._find_free(self._outbox))
        if free < needed:
            reason = Reason("low_space", {"free": str(round(free)), "needed": str(needed)})
            if not any(hold.code == reason.code for hold in self._store.holds()):
                log.warning("on hold: %s", reason.text())
                self._store.hold(reason)
            return False
        if any(hold.code == "low_space" for hold in self._store.holds()):
            self._store.release("low_space")
            log.info("there is room again")
        return True

    def _make_folders(self) -> None:
        for folder in (self._inbox, self._outbox, self._work):
            folder.mkdir(parents=True, exist_ok=True)

    def _folder(self, job: Job) -> Path:
        return self._work / f"{job.id:06d}"


def _stamp(path: Path) -> tuple[int, int, float] | None:
    """Size, time of the last writing (ns) and of the last change of any kind (s)."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime
