"""Whether a file has arrived: unchanged for a while, and open for writing in no program."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

Signature = tuple[int, int, int]
"""Size in bytes, time of the last change in ns, inode."""


class Steadiness:
    """Watches files over several looks, each by its path.

    A file is steady when size, time and identity are the same for ``settle_s`` seconds; what is
    there at the first look has to wait as well, for it may have been cut off by a reboot. ``now``
    tells seconds that never jump.
    """

    def __init__(self, settle_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._settle_s = settle_s
        self._now = now
        self._seen: dict[Path, tuple[Signature, float]] = {}

    def look(self, paths: Iterable[Path]) -> list[Path]:
        """The steady ones of ``paths``; those that are not among them are forgotten."""
        now = self._now()
        before, self._seen = self._seen, {}
        steady = []
        for path in paths:
            try:
                status = path.lstat()
            except OSError:
                continue
            signature = (status.st_size, status.st_mtime_ns, status.st_ino)
            old, since = before.get(path, (None, now))
            if old != signature or being_written(path):
                since = now
            self._seen[path] = (signature, since)
            if now - since >= self._settle_s:
                steady.append(path)
        return steady


def being_written(path: Path) -> bool:
    """Whether some program, such as the share's server, has the file open for writing.

    Asks the kernel for a read lease, which it grants only where nobody writes. ``False`` where it
    does not say: other people's files, network file systems.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
