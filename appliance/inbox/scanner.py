"""The inbox scanner: creates jobs from the files that have arrived in the inbox."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from appliance.config import InboxConfig
from appliance.errors import BadInput, LecternError
from appliance.files.mounts import MOUNTINFO
from appliance.files.names import find_presenter, is_ignored, match_stem
from appliance.inbox.completeness import examine_files
from appliance.inbox.content import Content, Examination
from appliance.inbox.folders import DroppedFolder, pair_folder
from appliance.inbox.mount_guard import MountGuard, path_exists
from appliance.inbox.pairing import Completion, Decision, Rejection, Surroundings, pair_files
from appliance.inbox.partial_copies import remove_partial_copies
from appliance.inbox.stability import Signature, StabilityTracker
from appliance.inbox.watcher import FolderWatcher
from appliance.jobs.models import Job, NewJob, display_name
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore
from appliance.system.regular_file import is_regular

log = logging.getLogger("lectern.inbox")

RESULT_FOLDERS = ("done", "failed")
"""Folders of the inbox to which the files of ended jobs are moved."""

FileCheck = Callable[[Sequence[Path]], Examination]


class InboxScanner:
    """Scans the inbox below the root folder ``root`` and adds jobs to ``store``, in one thread.

    ``now`` is a monotonic clock in seconds, ``mounts`` is the kernel's ``mountinfo`` file.
    ``check`` returns which of the given files look incomplete, and what the others are (by default
    :func:`~appliance.inbox.completeness.examine_files`).
    """

    def __init__(
        self,
        store: JobStore,
        root: Path,
        settings: InboxConfig,
        now: Callable[[], float] = time.monotonic,
        *,
        mounts: Path = MOUNTINFO,
        check: FileCheck | None = None,
    ) -> None:
        self._store = store
        self._folder = root / "inbox"
        self._library = root / "presenters"
        self._stability = StabilityTracker(settings.settle_s, settings.settle_unknown_s, now)
        self._settings = settings
        self._stop = threading.Event()
        self._check = check or partial(examine_files, is_stopped=self._is_stopped)
        self._now = now
        self._contents: dict[Path, Content] = {}
        self._first_seen: dict[Path, float] = {}
        self._complete_signatures: dict[Path, Signature] = {}
        self._last_error = ""
        self._busy = True
        self._watcher = FolderWatcher((self._folder, self._library), settings, mounts, now)
        self._mount_guard = MountGuard(root, mounts)
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
                self._scan_if_due()
                stop.wait(self._settings.poll_interval_s)
        finally:
            self._watcher.close()

    def _scan_if_due(self) -> None:
        try:
            if self._watcher.is_due(self._busy):
                self.scan()
            self._last_error = ""
        except Exception as error:
            if str(error) != self._last_error:
                known = isinstance(error, (OSError, LecternError))
                log.warning("the inbox cannot be read: %s", error, exc_info=not known)
            self._last_error = str(error)

    def scan(self) -> None:
        """Scan the inbox once and create jobs from the files that have arrived.

        Raises ``OSError`` while a folder cannot be read.
        """
        self._busy = True
        remove_partial_copies(self._folder)
        self._stability.on_events(self._watcher.take_events())
        claimed = self._store.files.source_paths()
        files, folders = _list_folder(self._folder)
        dropped_folders = [
            (path, sorted(_list_dropped_folder(path)))
            for path in folders
            if path.name not in RESULT_FOLDERS
        ]
        unclaimed = {
            p
            for p in (*files, *(p for _, entries in dropped_folders for p in entries))
            if p not in claimed
        }
        library = set(_list_folder(self._library)[0])
        tracked = [
            *unclaimed,
            *library,
            *(path for path, entries in dropped_folders if unclaimed & set(entries)),
        ]
        stable = set(
            self._stability.update(tracked, events_unreliable=self._watcher.events_unreliable)
        )
        claimed_in_folders = {
            path
            for _, entries in dropped_folders
            for path in entries
            if path in claimed and unclaimed & set(entries) and path not in self._contents
        }
        arrived = stable - self._find_incomplete(unclaimed & stable, claimed_in_folders)
        claimed_here = [path for path in claimed if path.is_relative_to(self._folder)]
        self._mount_guard.remember(files_missing=not all(map(path_exists, claimed_here)))
        waiting = list(self._waiting_jobs())

        def find(name: str) -> Path | None:
            found = find_presenter(self._library, name)
            return found if found in arrived else None

        top_level_jobs = [job for job in waiting if _present_file(job).parent not in folders]
        top_level = set(files) & unclaimed
        around = Surroundings(
            find,
            arriving=top_level - arrived,
            recent=self._recent_files([*files, *filter(None, (j.lecture for j in waiting))]),
            library=[match_stem(path) for path in library],
            contents=self._contents,
        )
        self._apply(pair_files(top_level & arrived, top_level_jobs, around))
        for folder, entries in dropped_folders:
            folder_unclaimed = unclaimed & set(entries)
            if folder_unclaimed <= arrived and (not folder_unclaimed or folder in arrived):
                drop = DroppedFolder(folder, entries, folder_unclaimed)
                decisions = list(pair_folder(drop, waiting, find, self._contents))
                new_jobs = [decision for decision in decisions if isinstance(decision, NewJob)]
                self._apply(decision for decision in decisions if not isinstance(decision, NewJob))
                if new_jobs:  # added in one transaction: they share files claimed by the first job
                    self._add(new_jobs)
        self._busy = bool((unclaimed | library) - arrived) or bool(around.recent)

    def _recent_files(self, paths: Iterable[Path]) -> set[Path]:
        """Return the files that were seen first so short a time ago that a partner may follow."""
        now = self._now()
        self._first_seen = {path: self._first_seen.get(path, now) for path in paths}
        wait_s = self._settings.partner_wait_s
        return {path for path, since in self._first_seen.items() if now - since < wait_s}

    def _find_incomplete(self, paths: Iterable[Path], claimed: Iterable[Path]) -> set[Path]:
        """Return the stable files that look incomplete and may still grow.

        What the complete ones are, and files of dropped folders that belong to a job already
        (``claimed``), is remembered.

        A file that has not changed for ``incomplete_timeout_s`` seconds is not held back any
        longer: if it is damaged, the worker reports the reason.
        """
        seen = {path: self._stability.signature(path) for path in paths}
        self._complete_signatures = {
            p: s for p, s in self._complete_signatures.items() if seen.get(p) == s
        }
        to_check = sorted(
            path
            for path in seen
            if path not in self._complete_signatures
            and self._stability.unchanged_for_s(path) < self._settings.incomplete_timeout_s
            and is_regular(path)
        )
        to_check += sorted(filter(is_regular, claimed))
        found = self._check(to_check) if to_check else Examination()
        incomplete = found.incomplete.intersection(seen)
        self._contents.update(found.contents)
        self._contents = {path: c for path, c in self._contents.items() if path_exists(path)}
        self._complete_signatures.update(
            (path, seen[path]) for path in to_check if path in seen and path not in incomplete
        )
        return incomplete

    def _is_stopped(self) -> bool:
        return self._stop.is_set()

    def _waiting_jobs(self) -> Iterator[Job]:
        """Yield the waiting jobs; cancel those whose file was removed."""
        jobs = self._store.jobs([JobState.WAITING])
        removed = [job for job in jobs if not path_exists(_present_file(job))]
        # On an unmounted share, or with another USB drive in its place, the files are not removed.
        for job in [] if self._mount_guard.is_unmounted() else removed:
            self._store.cancel(job.id)
            log.info("job %d: cancelled because its file was removed", job.id)
        yield from (job for job in jobs if job not in removed)

    def _apply(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, NewJob):
                self._add([decision])
            elif isinstance(decision, Completion):
                self._complete(decision)
            else:
                self._reject(decision)

    def _add(self, new: Sequence[NewJob]) -> None:
        with _conflicts_logged():
            for job in self._store.add_all(new):
                reason = f": {job.reason.text()}" if job.reason else ""
                name = display_name(job.stem)
                log.info("job %d: %s is %s%s", job.id, name, job.state.value, reason)

    def _complete(self, completion: Completion) -> None:
        with _conflicts_logged():
            job = self._store.complete(
                completion.job.id,
                completion.presenter,
                completion.lecture,
                completion.claims,
                stem=completion.stem,
                options=completion.options,
            )
            if completion.priority:
                self._store.set_priority(job.id, completion.priority)
            log.info("job %d: %s has all of its files now", job.id, display_name(job.stem))

    def _reject(self, rejection: Rejection) -> None:
        """Add a failed job, so that its files are moved to ``failed`` with the reason."""
        path = rejection.path
        claims = rejection.claims or (path,)
        stem = path.parent.name if rejection.claims else path.stem  # a whole folder, or one file
        with _conflicts_logged():
            job = self._store.add(NewJob(stem, None, path, claims=claims))
            self._store.reject(job.id, rejection.reason)
            log.info("job %d: %s", job.id, rejection.reason.text())


@contextlib.contextmanager
def _conflicts_logged() -> Iterator[None]:
    """Log a ``BadInput``: another process has just cancelled the job or claimed the file."""
    try:
        yield
    except BadInput as error:
        log.info("%s", error)


def _present_file(job: Job) -> Path:
    """Return the lecture or presenter of a waiting job, which always has one of the two."""
    path = job.lecture or job.presenter
    assert path is not None
    return path


def _list_folder(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and the subfolders of ``folder``, without those to be ignored."""
    files: list[Path] = []
    folders: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_ignored(entry.name):
                is_folder = entry.is_dir(follow_symlinks=False)
                (folders if is_folder else files).append(Path(entry.path))
    return files, folders


def _list_dropped_folder(folder: Path) -> Iterator[Path]:
    """Yield the files and subfolders of a dropped folder; nothing if it no longer exists."""
    try:
        files, folders = _list_folder(folder)
    except FileNotFoundError:
        return
    yield from files
    yield from folders
