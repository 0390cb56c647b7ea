"""The inbox scanner: creates jobs from the files that have arrived in the inbox."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from appliance.config import Config
from appliance.errors import BadInput, LecternError
from appliance.inbox.folders import Drop, decide_folder
from appliance.inbox.mounts import MOUNTS
from appliance.inbox.names import find_presenter, is_junk
from appliance.inbox.pairing import Completion, Decision, Refusal, decide
from appliance.inbox.place import Presence, lies_at
from appliance.inbox.steady import Signature, Steadiness
from appliance.inbox.unfinished import sweep
from appliance.inbox.watching import Watching
from appliance.inbox.wholeness import half_copied
from appliance.jobs.record import Job, NewJob, shown
from appliance.jobs.states import State
from appliance.jobs.store import JobStore

log = logging.getLogger("lectern.inbox")

OURS = ("done", "failed")
"""Folders of the inbox to which the files of ended jobs are moved."""

Check = Callable[[Sequence[Path]], Collection[Path]]


class Inbox:
    """Scans the inbox below ``config.root`` and adds jobs to ``store``, in the same thread.

    ``now`` is a monotonic clock in seconds, ``mounts`` is the kernel's ``mountinfo`` file.
    ``check`` returns those of the given files that look incomplete (by default
    :func:`~appliance.inbox.wholeness.half_copied`).
    """

    def __init__(
        self,
        store: JobStore,
        config: Config,
        now: Callable[[], float] = time.monotonic,
        *,
        mounts: Path = MOUNTS,
        check: Check | None = None,
    ) -> None:
        self._store = store
        self._folder = config.root / "inbox"
        self._library = config.root / "presenters"
        settings = config.inbox
        self._steadiness = Steadiness(settings.settle_s, settings.settle_unsure_s, now)
        self._settings = settings
        self._stop = threading.Event()
        self._check = check or partial(half_copied, stopped=self._is_stopped)
        self._whole: dict[Path, Signature] = {}
        self._complaint = ""
        self._busy = True
        self._watching = Watching((self._folder, self._library), config, mounts, now)
        self._presence = Presence(config.root, mounts)
        for folder in (self._folder, self._library):
            with contextlib.suppress(OSError):  # a share that is not mounted at present
                folder.mkdir(parents=True, exist_ok=True)

    def run(self, stop: threading.Event) -> None:
        """Scan the inbox when necessary until ``stop`` is set.

        Errors are logged, and the scan is repeated: problems of a share may be temporary.
        """
        self._stop = stop
        try:
            while not stop.is_set():
                self._look_if_due()
                stop.wait(self._settings.poll_s)
        finally:
            self._watching.close()

    def _look_if_due(self) -> None:
        try:
            if self._watching.is_due(self._busy):
                self.scan()
            self._complaint = ""
        except Exception as error:
            if str(error) != self._complaint:
                known = isinstance(error, (OSError, LecternError))
                log.warning("the inbox cannot be read: %s", error, exc_info=not known)
            self._complaint = str(error)

    def scan(self) -> None:
        """Scan the inbox once and create jobs from the files that have arrived.

        Raises ``OSError`` while a folder cannot be read.
        """
        self._busy = True
        sweep(self._folder)
        self._steadiness.touched(self._watching.looked())
        claimed = self._store.files.claimed()
        files, folders = _entries(self._folder)
        drops = [(path, sorted(_all(path))) for path in folders if path.name not in OURS]
        loose = {p for p in (*files, *(p for _, inner in drops for p in inner)) if p not in claimed}
        library = set(_entries(self._library)[0])
        looked_at = [*loose, *library, *(path for path, inner in drops if loose & set(inner))]
        steady = set(self._steadiness.look(looked_at, silent=self._watching.silent))
        arrived = steady - self._growing(loose & steady)
        ours = [path for path in claimed if path.is_relative_to(self._folder)]
        self._presence.settle(missing=not all(map(lies_at, ours)))
        waiting = list(self._waiting())

        def find(name: str) -> Path | None:
            found = find_presenter(self._library, name)
            return found if found in arrived else None

        here = [job for job in waiting if _part(job).parent not in folders]
        top = set(files) & loose
        self._carry_out(decide(top & arrived, top - arrived, here, find))
        for folder, inner in drops:
            mine = loose & set(inner)
            if mine <= arrived and (not mine or folder in arrived):
                made = list(decide_folder(Drop(folder, inner, mine), waiting, find))
                new = [each for each in made if isinstance(each, NewJob)]
                self._carry_out(each for each in made if not isinstance(each, NewJob))
                if new:
                    self._add(new)  # in one transaction: they share files claimed by the first job
        self._busy = bool((loose | library) - arrived)

    def _growing(self, paths: Iterable[Path]) -> set[Path]:
        """Return the stable files that look incomplete and may still grow.

        A file that has not changed for ``patience_s`` seconds is not held back any longer: if it is
        damaged, the worker reports the reason.
        """
        seen = {path: self._steadiness.signature(path) for path in paths}
        self._whole = {p: s for p, s in self._whole.items() if seen.get(p) == s}
        ask = sorted(
            path
            for path in seen
            if path not in self._whole
            and self._steadiness.quiet_s(path) < self._settings.patience_s
            and path.is_file()
            and not path.is_symlink()
        )
        growing = set(self._check(ask)) if ask else set()
        self._whole.update((path, seen[path]) for path in ask if path not in growing)
        return growing

    def _is_stopped(self) -> bool:
        return self._stop.is_set()

    def _waiting(self) -> Iterator[Job]:
        """Yield the waiting jobs; cancel those whose file was removed."""
        jobs = self._store.jobs([State.WAITING])
        gone = [job for job in jobs if not lies_at(_part(job))]
        # On an unmounted share, or with another USB drive in its place, the files are not removed.
        for job in [] if self._presence.is_away() else gone:
            self._store.cancel(job.id)
            log.info("job %d: cancelled because its file was removed", job.id)
        yield from (job for job in jobs if job not in gone)

    def _carry_out(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, NewJob):
                self._add([decision])
            elif isinstance(decision, Completion):
                self._complete(decision)
            else:
                self._refuse(decision)

    def _add(self, new: Sequence[NewJob]) -> None:
        with _overtaken():
            for job in self._store.add_all(new):
                why = f": {job.reason.text()}" if job.reason else ""
                log.info("job %d: %s is %s%s", job.id, shown(job.stem), job.state.value, why)

    def _complete(self, made: Completion) -> None:
        parts = (made.job.id, made.presenter, made.lecture, made.claims)
        with _overtaken():
            job = self._store.complete(*parts, stem=made.stem, options=made.options)
            if made.priority:
                self._store.set_priority(job.id, made.priority)
            log.info("job %d: %s is complete", job.id, shown(job.stem))

    def _refuse(self, refusal: Refusal) -> None:
        """Add a failed job, so that its files are moved to ``failed`` with the reason."""
        path = refusal.path
        claims = refusal.claims or (path,)
        stem = path.parent.name if refusal.claims else path.stem  # a whole folder, or one file
        with _overtaken():
            job = self._store.add(NewJob(stem, None, path, claims=claims))
            self._store.fail(job.id, refusal.reason)
            log.info("job %d: %s", job.id, refusal.reason.text())


@contextlib.contextmanager
def _overtaken() -> Iterator[None]:
    """Log a ``BadInput``: another process may just have cancelled the job or claimed the file."""
    try:
        yield
    except BadInput as error:
        log.info("%s", error)


def _part(job: Job) -> Path:
    """Return the lecture or presenter of a waiting job, which always has one of the two."""
    part = job.lecture or job.presenter
    assert part is not None
    return part


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and the subfolders of ``folder``, without those to be ignored."""
    files: list[Path] = []
    folders: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_junk(entry.name):
                inner = entry.is_dir(follow_symlinks=False)
                (folders if inner else files).append(Path(entry.path))
    return files, folders


def _all(folder: Path) -> Iterator[Path]:
    """Yield the files and subfolders of a dropped folder; nothing if it no longer exists."""
    try:
        files, folders = _entries(folder)
    except FileNotFoundError:
        return
    yield from files
    yield from folders
