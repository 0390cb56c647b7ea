"""The daemon: holds the box's lock, watches the inbox and works on the queue."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.errors import BadInput, Fault
from appliance.notify import Pulse, reporting

if TYPE_CHECKING:
    from appliance.config import Config

log = logging.getLogger("lectern")


def serve(config: Config, stop: threading.Event) -> None:
    """Work on the queue of ``config.root`` until ``stop`` is set.

    The job in hand is then left where it can go on, and queued again. Raises ``BadInput`` for
    folders that cannot be made, ``Fault("already_serving")`` where another daemon is at work.
    """
    from appliance.jobs.store import JobStore, store_path
    from appliance.telemetry.sampler import start_sampler
    from appliance.worker import Worker

    with _only_one(config.root):
        limit = config.jobs.max_idle_attempts
        with JobStore(store_path(config.root), max_idle_attempts=limit) as store:
            pulse = Pulse()
            worker = Worker(store, config, stop, beat=pulse.beat)
            worker.recover()
            failures: list[Exception] = []
            watch = threading.Thread(target=_watch_inbox, args=(config, stop, failures))
            watch.start()
            sampler = start_sampler(config, stop)
            log.info("at work in %s", config.root)
            try:
                with reporting(pulse):
                    worker.run()
            finally:
                stop.set()
                watch.join()
                if sampler is not None:
                    sampler.join()
    if failures:
        raise failures[0]
    log.info("ended")


def _watch_inbox(config: Config, stop: threading.Event, failures: list[Exception]) -> None:
    """The inbox's thread; if it cannot go on, neither can the daemon, which then ends as failed."""
    from appliance.inbox.scan import Inbox
    from appliance.jobs.store import JobStore, store_path

    try:
        with JobStore(store_path(config.root)) as store:
            Inbox(store, config).run(stop)
    except Exception as error:
        failures.append(error)
    finally:
        stop.set()


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    """Hold the box's lock, which the kernel takes back however this process ends."""
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
