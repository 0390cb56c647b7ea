"""The daemon: holds the device's lock, watches the inbox and executes jobs and tasks."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import BadInput, Fault
from appliance.system.sd_notify import Heartbeat, service_notifications
from appliance.version import software_version

if TYPE_CHECKING:
    from appliance.config import Config
    from appliance.jobs.backup import DatabaseBackups
    from appliance.jobs.daemon_status import DaemonStatusStore
    from appliance.jobs.models import Job

log = logging.getLogger("lectern")

_ESTIMATE_TIMEOUT_S = 60.0
_BACKUP_POLL_S = 600.0


def serve(config: Config, stop: threading.Event) -> bool:
    """Run the daemon for ``config.root`` until ``stop`` is set; return True to restart it.

    Once ``stop`` is set, the current job is stopped at the next point from which it can be resumed,
    and queued again. Raises ``BadInput`` for folders that cannot be created,
    ``Fault("already_running")`` if another daemon is running.
    """
    from appliance.daemon.hooks import WorkerHooks
    from appliance.daemon.worker import Worker
    from appliance.governor.governor import newest_reading_source
    from appliance.jobs.daemon_status import DaemonStatusStore
    from appliance.jobs.store import store_path
    from appliance.jobs.tasks import TaskStore
    from appliance.jobs.worker_store import WorkerStore
    from appliance.tasks.preview import PreviewMaker
    from appliance.telemetry.sampler import start_sampler

    path, heartbeat, restart_requested = store_path(config.root), Heartbeat(), threading.Event()
    limit = config.jobs.max_attempts_without_progress

    def is_stopping() -> bool:
        heartbeat.beat()
        return stop.is_set()

    with (
        single_instance_lock(config.root),
        _intact_queue(config.root),
        WorkerStore(path, max_attempts_without_progress=limit) as store,
        TaskStore(path) as tasks,
        DaemonStatusStore(path) as status,
    ):
        previous = status.record_start(software_version(), os.getpid())
        tasks.recover()
        worker = Worker(
            store,
            config,
            stop,
            WorkerHooks(
                previews=PreviewMaker(tasks, config, tasks_folder(config), stop),
                estimate=lambda job: _estimate(config, job, is_stopping),
                heartbeat=heartbeat.beat,
                on_report=lambda report: _record_inference(status, report),
                read_telemetry=newest_reading_source(config.root),
            ),
        )
        worker.recover(unclean_shutdown=previous is None or not previous.stopped_cleanly)
        sampler = start_sampler(config.root, config.telemetry, stop)
        with _background_threads(config, stop, restart_requested), service_notifications(heartbeat):
            log.info("started in %s", config.root)
            worker.run()
        if sampler is not None:
            sampler.join()
        status.record_stop()
    log.info("restarting" if restart_requested.is_set() else "stopped")
    return restart_requested.is_set()


def tasks_folder(config: Config) -> Path:
    """Return the folder for images and videos of tasks."""
    return config.root / "state" / "tasks"


@contextmanager
def _background_threads(
    config: Config, stop: threading.Event, restart_requested: threading.Event
) -> Iterator[None]:
    """Run the inbox, the tasks and the heartbeat in threads, until ``stop`` is set.

    If one of them fails, ``stop`` is set and its error is raised at the end.
    """
    failures: list[Exception] = []

    def run(loop: Callable[[], None]) -> None:
        try:
            loop()
        except Exception as error:
            failures.append(error)
        finally:
            stop.set()

    loops = {
        "inbox": partial(_watch_inbox, config, stop),
        "tasks": partial(_run_tasks, config, stop, restart_requested, quick=True),
        "long tasks": partial(_run_tasks, config, stop, restart_requested, quick=False),
        "heartbeat": partial(_heartbeat_loop, config, stop),
        "backups": partial(_back_up, config, stop),
    }
    threads = [
        threading.Thread(target=run, args=(loop,), name=name) for name, loop in loops.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _watch_inbox(config: Config, stop: threading.Event) -> None:
    from appliance.inbox.scanner import InboxScanner
    from appliance.jobs.store import JobStore, store_path

    with JobStore(store_path(config.root)) as store:
        InboxScanner(store, config.root, config.inbox).run(stop)


def _run_tasks(
    config: Config, stop: threading.Event, restart_requested: threading.Event, *, quick: bool
) -> None:
    from appliance.daemon.hooks import free_mb
    from appliance.jobs.store import JobStore, store_path
    from appliance.jobs.tasks import TaskStore
    from appliance.tasks.runner import QUICK_KINDS, TaskRunner, task_handlers

    path = store_path(config.root)

    def restart() -> None:
        restart_requested.set()
        stop.set()

    all_handlers = task_handlers(
        config, lambda: JobStore(path), lambda: free_mb(config.root), restart, stop.is_set
    )
    handlers = {
        kind: handler for kind, handler in all_handlers.items() if (kind in QUICK_KINDS) is quick
    }
    with TaskStore(path) as tasks:
        TaskRunner(tasks, tasks_folder(config), handlers, stop).run()


def _heartbeat_loop(config: Config, stop: threading.Event) -> None:
    from appliance.errors import LecternError
    from appliance.jobs.daemon_status import HEARTBEAT_INTERVAL_S, DaemonStatusStore
    from appliance.jobs.store import store_path

    with DaemonStatusStore(store_path(config.root)) as status:
        while not stop.wait(HEARTBEAT_INTERVAL_S):
            try:
                status.heartbeat()
            except LecternError as error:  # may be transient, such as a full disk
                log.debug("heartbeat failed: %s", error)


@contextmanager
def _intact_queue(root: Path) -> Iterator[None]:
    """Restore the queue from its newest backup if it is damaged, before it is opened."""
    from appliance.jobs.backup import QUEUE, DatabaseBackups
    from appliance.jobs.database import SCHEMA

    DatabaseBackups(root / "state", QUEUE, SCHEMA.version).restore_if_damaged()
    yield


def _back_up(config: Config, stop: threading.Event) -> None:
    """Back up the databases now, if the last backup is not of today, and then every day."""
    from appliance.errors import LecternError
    from appliance.jobs.backup import INTERVAL_S, QUEUE, USERS, DatabaseBackups
    from appliance.system.elapsed import ElapsedTimes

    ages = ElapsedTimes(time.time, time.monotonic)
    wait_s = 0.0
    while not stop.wait(wait_s):
        wait_s = _BACKUP_POLL_S
        for name in (QUEUE, USERS):
            backups = DatabaseBackups(config.root / "state", name)
            if name == QUEUE:
                _check_queue(backups)
            made = backups.newest_made_at()
            if made is not None and ages.since(name, made) < INTERVAL_S:
                continue
            try:
                backups.create()
            except (LecternError, OSError) as error:
                log.error("%s was not backed up: %s", name, error)


def _check_queue(backups: DatabaseBackups) -> None:
    """Raise ``Fault("database_damaged")`` if the queue should be restored at the next start."""
    from appliance.jobs.backup import find_damage

    if problem := find_damage(backups.database):
        with contextlib.suppress(BadInput):  # without a backup, a restart would not help
            backups.find_good()
            raise Fault("database_damaged", name=backups.name, reason=problem)


def _estimate(config: Config, job: Job, is_cancelled: Callable[[], bool]) -> float:
    from appliance.config import apply_overrides
    from appliance.tasks.child import run_in_child

    disk_mb = run_in_child(
        "estimate",
        job.presenter,
        job.lecture,
        apply_overrides(config, job.options),
        timeout_s=_ESTIMATE_TIMEOUT_S,
        is_cancelled=is_cancelled,
    )
    return float(disk_mb)


def _record_inference(status: DaemonStatusStore, report: dict[str, Any]) -> None:
    model = report.get("model", {})
    status.record_inference(
        str(report.get("provider", "")), str(model.get("name", "")), str(model.get("precision", ""))
    )


@contextmanager
def single_instance_lock(root: Path) -> Iterator[None]:
    """Hold the lock of ``root``, which the kernel releases however this process ends."""
    path = root / "state" / "serve.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise BadInput("output_unwritable", name=str(root), reason=error.strerror) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Fault("already_running", name=str(root)) from None
        yield
    finally:
        os.close(fd)
