"""Decides when folders are scanned: after inotify events, or by polling.

On a local file system, inotify reports changes; in addition, the folders are scanned every
``rescan_s`` seconds in case an event was missed. Network shares and FUSE, on which changes may
cause no events, are scanned every ``poll_s`` seconds, as are all folders if the kernel has no
watches left.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.config import Config
from appliance.inbox.events import FolderEvents
from appliance.inbox.mounts import MOUNTS, Mount, is_silent, mount_of, read_mounts

log = logging.getLogger("lectern.inbox")

Identity = tuple[object, ...]


class Watching:
    """Decides when ``folders`` are to be scanned; the first of them is the inbox.

    ``mounts`` is the kernel's ``mountinfo`` file, ``now`` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        config: Config,
        mounts: Path = MOUNTS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = folders
        self._config = config
        self._mounts = mounts
        self._now = now
        self._events: FolderEvents | None = None
        self._ground: Identity = ()
        self._touched: dict[Path, bool] = {}
        self._next = 0.0
        self.silent = False
        """Whether other machines may change files without events."""

    @property
    def polls(self) -> bool:
        """Whether the folders are polled because there are no events."""
        return self._events is None

    def close(self) -> None:
        """Stop collecting events."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def is_due(self, busy: bool) -> bool:
        """Return whether the folders are to be scanned now.

        ``busy`` says that files were still arriving at the last scan. To be called every ``poll_s``
        seconds. The watches are set up again when the file system of a folder has changed, for
        example because a share was mounted or a USB drive was removed.
        """
        ground = self._identity()
        if ground != self._ground or (self._events is not None and not self._events.is_alive()):
            self.close()
            self._ground = ground
            self._listen()
            self._next = 0.0
        if self._events is not None:
            self._touched.update(self._events.take())
        return self.polls or busy or bool(self._touched) or self._now() >= self._next

    def looked(self) -> dict[Path, bool]:
        """Return the paths with events since the last scan; to be called when a scan begins.

        A value is true if the writer has closed the file since.
        """
        touched, self._touched = self._touched, {}
        self._next = self._now() + self._config.inbox.rescan_s
        return touched

    def _listen(self) -> None:
        mounts = self._read_mounts()
        self.silent = any(is_silent(folder, mounts) for folder in self._folders)
        if self.silent or self._config.inbox.watch == "polling":
            log.info("the inbox is polled every %g s", self._config.inbox.poll_s)
            return
        try:
            self._events = FolderEvents(self._folders)
        except OSError as error:
            log.warning("no events for the inbox (%s): it is polled instead", error)

    def _identity(self) -> Identity:
        """Return a value that changes when a folder is replaced or its file system changes."""
        facts: list[object] = []
        mounts = self._read_mounts()
        for folder in self._folders:
            status = os.stat(folder)
            mount = mount_of(folder, mounts)
            facts += [status.st_dev, status.st_ino, mount and mount.number]
            facts += [m.number for m in mounts if m.path.is_relative_to(folder)]
        return tuple(facts)

    def _read_mounts(self) -> list[Mount]:
        try:
            return read_mounts(os.fsdecode(self._mounts.read_bytes()))
        except OSError:
            return []
