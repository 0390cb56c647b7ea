"""What the kernel tells of a folder: which files were touched, which were closed by a writer."""

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

# Not opening and reading: our own looks would wake us.
_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent,
    DirCreatedEvent, DirMovedEvent,
]  # fmt: skip


class FolderEvents(FileSystemEventHandler):
    """Listens to folders and all below them, from a thread of its own until :meth:`close`.

    Raises ``OSError`` where the kernel has no watches left or a folder is gone.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._lock = threading.Lock()
        self._touched: dict[Path, bool] = {}
        self._observer: BaseObserver = InotifyObserver()
        try:
            for folder in folders:
                # Recursive, so that a folder that is dropped is followed from its first moment.
                self._observer.schedule(self, str(folder), recursive=True, event_filter=_EVENTS)
            self._observer.start()
        except BaseException:
            self._observer.unschedule_all()
            raise

    def close(self) -> None:
        """Stop listening."""
        self._observer.stop()
        self._observer.join()

    def is_alive(self) -> bool:
        """Whether events still come; the threads end when the kernel has no watches left."""
        return all(thread.is_alive() for thread in (self._observer, *self._observer.emitters))

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called in the listening thread."""
        # A copy that is renamed at its end is as good as closed.
        over = isinstance(event, (FileClosedEvent, FileMovedEvent))
        with self._lock:
            for name in (event.src_path, event.dest_path):
                if name:
                    self._touched[Path(os.fsdecode(name))] = over

    def take(self) -> dict[Path, bool]:
        """What was touched since the last call; ``True``: a writer has closed it since."""
        with self._lock:
            touched, self._touched = self._touched, {}
        return touched
