"""Inotify events of folders: which files were changed, and which were closed by their writer."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
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

log = logging.getLogger("lectern.inbox")

# Not opening and reading: our own scans would cause such events.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent,
    DirCreatedEvent, DirMovedEvent,
]  # fmt: skip


class FolderEvents(FileSystemEventHandler):
    """Collects the inotify events of folders and their subfolders in a thread until :meth:`close`.

    Raises ``OSError`` if the kernel has no watches left or a folder does not exist.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._lock = threading.Lock()
        self._touched: dict[Path, bool] = {}
        self._observer: BaseObserver = InotifyObserver()
        try:
            for folder in folders:
                # Recursive, so that a dropped folder is watched from its creation on.
                self._observer.schedule(self, str(folder), recursive=True, event_filter=_EVENTS)
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
        over = isinstance(event, (FileClosedEvent, FileMovedEvent))
        with self._lock:
            for name in (event.src_path, event.dest_path):
                if name:
                    self._touched[Path(os.fsdecode(name))] = over

    def take(self) -> dict[Path, bool]:
        """Return the paths with events since the last call.

        The value is true if the last event of the path was that its writer closed or renamed it.
        """
        with self._lock:
            touched, self._touched = self._touched, {}
        return touched
