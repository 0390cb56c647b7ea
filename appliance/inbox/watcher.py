"""Decides when folders are scanned: after inotify events, or by polling.

On a local file system, inotify reports changes; in addition, the folders are scanned every
``rescan_interval_s`` seconds in case an event was missed. Network shares and FUSE, on which changes
may cause no events, are scanned every ``poll_interval_s`` seconds, as are all folders if the kernel
has no watches left.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyObserver

from appliance.config import InboxConfig
from appliance.files.mounts import MOUNTINFO, Mount, events_unreliable, find_mount, read_mounts

log = logging.getLogger("lectern.inbox")

Identity = tuple[object, ...]
"""Identifies the folders and their file systems; see :meth:`FolderWatcher.is_due`."""


class FolderWatcher:
    """Decides when ``folders`` are to be scanned; the first of them is the inbox.

    ``mounts`` is the kernel's ``mountinfo`` file, ``now`` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        settings: InboxConfig,
        mounts: Path = MOUNTINFO,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = folders
        self._settings = settings
        self._mounts = mounts
        self._now = now
        self._events: InotifyListener | None = None
        self._watched_identity: Identity = ()
        self._changed: dict[Path, bool] = {}
        self._next_scan_at = 0.0
        self.events_unreliable = False
        """Whether other machines may change files without events."""

    @property
    def is_polling(self) -> bool:
        """Whether the folders are polled because there are no events."""
        return self._events is None

    def close(self) -> None:
        """Stop collecting events."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def is_due(self, busy: bool) -> bool:
        """Return whether the folders are to be scanned now.

        ``busy`` says that files were still arriving at the last scan. To be called every
        ``poll_interval_s`` seconds. The watches are set up again when the file system of a folder
        has changed, for example because a share was mounted or a USB drive was removed.
        """
        identity = self._identity()
        if identity != self._watched_identity or (
            self._events is not None and not self._events.is_alive()
        ):
            self.close()
            self._watched_identity = identity
            self._start_listener()
            self._next_scan_at = 0.0
        if self._events is not None:
            self._changed.update(self._events.drain())
        return self.is_polling or busy or bool(self._changed) or self._now() >= self._next_scan_at

    def take_events(self) -> dict[Path, bool]:
        """Return the paths with events since the last scan; to be called when a scan begins.

        A value is true if the writer has closed the file since.
        """
        changed, self._changed = self._changed, {}
        self._next_scan_at = self._now() + self._settings.rescan_interval_s
        return changed

    def _start_listener(self) -> None:
        mounts = self._read_mounts()
        self.events_unreliable = any(events_unreliable(folder, mounts) for folder in self._folders)
        if self.events_unreliable or self._settings.watch == "polling":
            log.info("the inbox is polled every %g s", self._settings.poll_interval_s)
            return
        try:
            self._events = InotifyListener(self._folders)
        except OSError as error:
            log.warning("no events for the inbox (%s): it is polled instead", error)

    def _identity(self) -> Identity:
        """Return a value that changes when a folder is replaced or its file system changes."""
        parts: list[object] = []
        mounts = self._read_mounts()
        for folder in self._folders:
            status = os.stat(folder)
            mount = find_mount(folder, mounts)
            parts += [status.st_dev, status.st_ino, mount and mount.mount_id]
            parts += [m.mount_id for m in mounts if m.path.is_relative_to(folder)]
        return tuple(parts)

    def _read_mounts(self) -> list[Mount]:
        try:
            return read_mounts(os.fsdecode(self._mounts.read_bytes()))
        except OSError:
            return []


# Not opening and reading: our own scans would cause such events.
_EVENT_TYPES: list[type[FileSystemEvent]] = [
    FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent,
    DirCreatedEvent, DirMovedEvent,
]  # fmt: skip


class InotifyListener(FileSystemEventHandler):
    """Collects the inotify events of folders and their subfolders in a thread until :meth:`close`.

    Raises ``OSError`` if the kernel has no watches left or a folder does not exist.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._lock = threading.Lock()
        self._changed: dict[Path, bool] = {}
        self._observer: BaseObserver = InotifyObserver()
        try:
            for folder in folders:
                # Recursive, so that a dropped folder is watched from its creation on.
                self._observer.schedule(
                    self, str(folder), recursive=True, event_filter=_EVENT_TYPES
                )
            self._observer.start()
        except BaseException:
            self._observer.unschedule_all()
            raise

    def close(self) -> None:
        """Stop collecting events and end the threads."""
        self._observer.stop()
        self._observer.join()

    def is_alive(self) -> bool:
        """Return whether all threads run; they end when the kernel has no watches left."""
        return all(thread.is_alive() for thread in (self._observer, *self._observer.emitters))

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Record an event. Called by watchdog in its own thread."""
        # A copy that is renamed when it is complete counts as closed.
        closed = isinstance(event, (FileClosedEvent, FileMovedEvent))
        with self._lock:
            for name in (event.src_path, event.dest_path):
                if name:
                    self._changed[Path(os.fsdecode(name))] = closed

    def drain(self) -> dict[Path, bool]:
        """Return the paths with events since the last call.

        The value is true if the last event of the path was that its writer closed or renamed it.
        """
        with self._lock:
            changed, self._changed = self._changed, {}
        return changed
