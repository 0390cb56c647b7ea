"""The daemon: holds the device's lock, watches the inbox and executes jobs and tasks."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import BadInput, Fault
from appliance.notify import Pulse, reporting
from appliance.version import software_version

if TYPE_CHECKING:
    from appliance.config import Config
    from appliance.jobs.daemon import DaemonRecord
    from appliance.jobs.record import Job

log = logging.getLogger("lectern")

_ESTIMATE_S = 60.0


def serve(config: Config, stop: threading.Event) -> bool:
    """Run the daemon for ``config.root`` until ``stop`` is set; return True to restart it.

    The current job is then interrupted where it can be resumed, and queued again. Raises
    ``BadInput`` for folders that cannot be created, ``Fault("already_serving")`` if another daemon
    is running.
    """
    from appliance.errands.preview import PreviewDesk
    from appliance.governor.build import newest_reading
    from appliance.jobs.daemon import DaemonRecord
    from appliance.jobs.errands import Errands
    from appliance.jobs.store import JobStore, store_path
    from appliance.telemetry.sampler import start_sampler
    from appliance.worker import Worker

    path, pulse, again = store_path(config.root), Pulse(), threading.Event()
    limit = config.jobs.max_idle_attempts

    def ended() -> bool:
        pulse.beat()
        return stop.is_set()

    with (
        _only_one(config.root),
        JobStore(path, max_idle_attempts=limit) as store,
        Errands(path) as errands,
        DaemonRecord(path) as record,
    ):
        before = record.begin(software_version(), os.getpid())
        errands.recover()
        worker = Worker(
            store,
            config,
            stop,
            look=newest_reading(config),
            previews=PreviewDesk(errands, config, errands_folder(config), stop),
            estimate=lambda job: _estimate(config, job, ended),
            beat=pulse.beat,
            learned=lambda report: _note_engine(record, report),
        )
        worker.recover(went_down=before is None or not before.ended)
        sampler = start_sampler(config, stop)
        with _threads(config, stop, again), reporting(pulse):
            log.info("started in %s", config.root)
            worker.run()
        if sampler is not None:
            sampler.join()
        record.end()
    log.info("restarting" if again.is_set() else "stopped")
    return again.is_set()


def errands_folder(config: Config) -> Path:
    """Return the folder for images and videos of tasks."""
    return config.root / "state" / "errands"


@contextmanager
def _threads(config: Config, stop: threading.Event, again: threading.Event) -> Iterator[None]:
    """Run the inbox, the tasks and the heartbeat in threads, until ``stop`` is set.

    If one of them fails, ``stop`` is set and its error is raised at the end.
    """
    failures: list[Exception] = []

    def run(task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as error:
            failures.append(error)
        finally:
            stop.set()

    tasks = {
        "inbox": partial(_watch_inbox, config, stop),
        "errands": partial(_run_errands, config, stop, again, quick=True),
        "long errands": partial(_run_errands, config, stop, again, quick=False),
        "beat": partial(_give_signs, config, stop),
    }
    threads = [threading.Thread(target=run, args=(t,), name=name) for name, t in tasks.items()]
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
    from appliance.inbox.scan import Inbox
    from appliance.jobs.store import JobStore, store_path

    with JobStore(store_path(config.root)) as store:
        Inbox(store, config).run(stop)


def _run_errands(
    config: Config, stop: threading.Event, again: threading.Event, *, quick: bool
) -> None:
    from appliance.errands.desk import QUICK, Desk, carriers
    from appliance.jobs.errands import Errands
    from appliance.jobs.store import JobStore, store_path
    from appliance.worker import free_mb

    path = store_path(config.root)

    def restart() -> None:
        again.set()
        stop.set()

    everything = carriers(
        config, lambda: JobStore(path), lambda: free_mb(config.root), restart, stop.is_set
    )
    kinds = {kind: carry for kind, carry in everything.items() if (kind in QUICK) is quick}
    with Errands(path) as errands:
        Desk(errands, errands_folder(config), kinds, stop).run()


def _give_signs(config: Config, stop: threading.Event) -> None:
    from appliance.errors import LecternError
    from appliance.jobs.daemon import BEAT_S, DaemonRecord
    from appliance.jobs.store import store_path

    with DaemonRecord(store_path(config.root)) as record:
        while not stop.wait(BEAT_S):
            try:
                record.beat()
            except LecternError as error:  # may be transient, such as a full disk
                log.debug("heartbeat failed: %s", error)


def _estimate(config: Config, job: Job, ended: Callable[[], bool]) -> float:
    from appliance.errands.child import ask_child
    from appliance.jobs.options import with_options

    wanted = with_options(config, job.options)
    size = ask_child("size", job.presenter, job.lecture, wanted, limit_s=_ESTIMATE_S, ended=ended)
    return float(size)


def _note_engine(record: DaemonRecord, report: dict[str, Any]) -> None:
    model = report.get("model", {})
    record.learned(
        str(report.get("provider", "")), str(model.get("name", "")), str(model.get("precision", ""))
    )


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    """Hold the lock of ``root``, which the kernel releases however this process ends."""
    path = root / "state" / "serve.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise BadInput("output_unwritable", name=str(root), reason=error.strerror) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Fault("already_serving", name=str(root)) from None
        yield
    finally:
        os.close(handle)
