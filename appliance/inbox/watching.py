"""Being told of changes where the kernel knows of them, looking again and again where it does not.

On a file system of this machine inotify says when something happens, and a look every
``rescan_s`` is the net below it. On shares and FUSE, whose changes may come from elsewhere
unseen, and where the kernel has no watches left, the folder is looked at every ``poll_s``.
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
    """Says when ``folders`` are to be looked at; the first of them is the inbox.

    ``mounts`` is the kernel's list, ``now`` tells seconds that never jump.
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
        """Whether other machines may write unseen."""

    @property
    def polls(self) -> bool:
        """Whether the folders are looked at again and again."""
        return self._events is None

    def close(self) -> None:
        """Stop listening."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def is_due(self, busy: bool) -> bool:
        """Whether it is time for a look; ``busy``: something was still arriving at the last one.

        To be asked every ``poll_s``. A folder that lies on another file system than before (a
        share that was mounted, a stick that was drawn) is watched anew.
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
        """A look begins; gives what was touched since the one before (``True``: and closed)."""
        touched, self._touched = self._touched, {}
        self._next = self._now() + self._config.inbox.rescan_s
        return touched

    def _listen(self) -> None:
        mounts = self._read_mounts()
        self.silent = any(is_silent(folder, mounts) for folder in self._folders)
        if self.silent or self._config.inbox.watch == "polling":
            log.info("the inbox is looked at every %g s", self._config.inbox.poll_s)
            return
        try:
            self._events = FolderEvents(self._folders)
        except OSError as error:
            log.warning("no events of the inbox (%s): it is looked at instead", error)

    def _identity(self) -> Identity:
        """Changes whenever another file system, or another folder, lies in the old one's place."""
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
