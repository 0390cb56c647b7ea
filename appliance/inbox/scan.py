"""One look after the other at the inbox: what has arrived becomes a job."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from appliance.config import Config
from appliance.errors import BadInput, LecternError
from appliance.inbox.names import is_junk
from appliance.inbox.pairing import Completion, Decision, Refusal, decide
from appliance.inbox.steady import Steadiness
from appliance.jobs.record import Job, NewJob, shown
from appliance.jobs.states import State
from appliance.jobs.store import JobStore

log = logging.getLogger("lectern.inbox")


class Inbox:
    """Watches ``config.root``'s inbox for ``store``, which belongs to the same thread."""

    def __init__(
        self, store: JobStore, config: Config, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._folder = config.root / "inbox"
        self._library = config.root / "presenters"
        self._steadiness = Steadiness(config.inbox.settle_s, now)
        self._poll_s = config.inbox.poll_s
        self._complaint = ""
        for folder in (self._folder, self._library):
            folder.mkdir(parents=True, exist_ok=True)

    def run(self, stop: threading.Event) -> None:
        """Scan until ``stop`` is set. What goes wrong with a share may pass: it is tried again."""
        while not stop.is_set():
            try:
                self.scan()
                self._complaint = ""
            except (OSError, LecternError) as error:
                if str(error) != self._complaint:
                    log.warning("the inbox cannot be read: %s", error)
                self._complaint = str(error)
            stop.wait(self._poll_s)

    def scan(self) -> None:
        """Make jobs of what has arrived. Raises ``OSError`` while the folder cannot be read."""
        claimed = self._store.files.claimed()
        with os.scandir(self._folder) as entries:
            here = [
                Path(entry.path)
                for entry in entries
                if not is_junk(entry.name) and not entry.is_dir(follow_symlinks=False)
            ]
        loose = [path for path in here if path not in claimed]
        arrived = self._steadiness.look(loose)
        waiting = []
        for job in self._store.jobs([State.WAITING]):
            if self._is_gone(job):
                self._store.cancel(job.id)
                log.info("job %d: what waited was taken away", job.id)
            else:
                waiting.append(job)
        for decision in decide(arrived, set(loose) - set(arrived), waiting, self._library):
            try:
                self._carry_out(decision)
            except BadInput as error:  # somebody cancelled or claimed it at this very moment
                log.info("%s", error)

    def _is_gone(self, job: Job) -> bool:
        part = job.lecture or job.presenter
        return part is None or not os.path.lexists(part)

    def _carry_out(self, decision: Decision) -> None:
        if isinstance(decision, NewJob):
            job = self._store.add(decision)
            why = f": {job.reason.text()}" if job.reason else ""
            log.info("job %d: %s is %s%s", job.id, shown(job.stem), job.state.value, why)
        elif isinstance(decision, Completion):
            job = self._store.complete(
                decision.job.id, decision.presenter, decision.lecture, decision.claims
            )
            log.info("job %d: %s is complete", job.id, shown(job.stem))
        else:
            self._refuse(decision)

    def _refuse(self, refusal: Refusal) -> None:
        """A job that fails at once, so that the file goes where failures go, with its reason."""
        path = refusal.path
        job = self._store.add(NewJob(path.stem, None, path, claims=(path,)))
        self._store.fail(job.id, refusal.reason)
        log.info("job %d: %s", job.id, refusal.reason.text())
