"""Detects when a file has arrived: unchanged for a while and not open for writing."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from appliance.system.regular_file import open_descriptor

Signature = tuple[int, int, int]
"""Size in bytes, modification time in ns, inode."""


class StabilityTracker:
    """Tracks files by path over several scans.

    A file is stable when its size, modification time and inode have not changed, and no event has
    occurred, for ``settle_s`` seconds; for ``settle_unknown_s`` seconds if it is unknown whether a
    program is writing to it. Files that exist at the first scan have to wait as well, because a
    reboot may have interrupted a copy. ``now`` is a monotonic clock in seconds.
    """

    def __init__(
        self, settle_s: float, settle_unknown_s: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settle_s, self._settle_unknown_s = settle_s, settle_unknown_s
        self._now = now
        self._seen: dict[Path, tuple[Signature, float]] = {}
        self._closed: set[Path] = set()

    def on_events(self, paths: Mapping[Path, bool]) -> None:
        """Record events of ``paths``; a value is true if the writer has closed the file since."""
        for path, closed in paths.items():
            if path in self._seen:
                self._seen[path] = (self._seen[path][0], self._now())
            (self._closed.add if closed else self._closed.discard)(path)

    def update(self, paths: Iterable[Path], *, events_unreliable: bool = False) -> list[Path]:
        """Scan ``paths`` and return the stable ones; all other files are forgotten.

        ``events_unreliable`` says that other machines may write to the file system without events,
        so that a lease proves nothing.
        """
        now = self._now()
        previous, self._seen = self._seen, {}
        stable = []
        for path in paths:
            try:
                status = path.lstat()
            except OSError:
                continue
            signature = (status.st_size, status.st_mtime_ns, status.st_ino)
            old, unchanged_since = previous.get(path, (None, now))
            open_for_writing = is_open_for_writing(path)
            if old != signature or open_for_writing:
                unchanged_since = now
            self._seen[path] = (signature, unchanged_since)
            closed = not events_unreliable and (open_for_writing is False or path in self._closed)
            closed |= not stat.S_ISREG(status.st_mode)  # links and pipes are rejected in any case
            if now - unchanged_since >= (self._settle_s if closed else self._settle_unknown_s):
                stable.append(path)
        self._closed &= self._seen.keys()
        return stable

    def unchanged_for_s(self, path: Path) -> float:
        """Return for how many seconds a file of the last scan has been unchanged."""
        return self._now() - self._seen[path][1]

    def signature(self, path: Path) -> Signature:
        """Return the signature of a file at the last scan."""
        return self._seen[path][0]


def is_open_for_writing(path: Path) -> bool | None:
    """Return whether a program, such as the server of the share, has the file open for writing.

    Requests a read lease, which the kernel grants only if no process has the file open for writing.
    Returns ``None`` if this is unknown: for files of other users, file systems without leases,
    links and special files.
    """
    try:
        fd = open_descriptor(path)
    except OSError:
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(fd)
    return False
