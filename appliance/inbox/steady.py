"""Whether a file has arrived: unchanged for a while, and open for writing in no program."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

Signature = tuple[int, int, int]
"""Size in bytes, time of the last change in ns, inode."""


class Steadiness:
    """Watches files over several looks, each by its path.

    A file is steady when size, time and identity are the same, and no event came, for ``settle_s``
    seconds; for ``unsure_s`` where nobody can say that no program is writing to it. What is there
    at the first look has to wait as well, for it may have been cut off by a reboot. ``now`` tells
    seconds that never jump.
    """

    def __init__(
        self, settle_s: float, unsure_s: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._settle_s, self._unsure_s = settle_s, unsure_s
        self._now = now
        self._seen: dict[Path, tuple[Signature, float]] = {}
        self._closed: set[Path] = set()

    def touched(self, paths: Mapping[Path, bool]) -> None:
        """Events have come for ``paths``; ``True``: its writer has closed the file since."""
        for path, closed in paths.items():
            if path in self._seen:
                self._seen[path] = (self._seen[path][0], self._now())
            (self._closed.add if closed else self._closed.discard)(path)

    def look(self, paths: Iterable[Path], *, silent: bool = False) -> list[Path]:
        """The steady ones of ``paths``; those that are not among them are forgotten.

        ``silent``: the file system is one on which other machines write unseen, so that a lease
        proves nothing.
        """
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
            written = being_written(path)
            if old != signature or written:
                since = now
            self._seen[path] = (signature, since)
            closed = not silent and (written is False or path in self._closed)
            closed |= not stat.S_ISREG(status.st_mode)  # a link or a pipe is refused anyway
            if now - since >= (self._settle_s if closed else self._unsure_s):
                steady.append(path)
        self._closed &= self._seen.keys()
        return steady

    def quiet_s(self, path: Path) -> float:
        """For how long a file of the last look has been unchanged."""
        return self._now() - self._seen[path][1]

    def signature(self, path: Path) -> Signature:
        """What a file of the last look was like."""
        return self._seen[path][0]


def being_written(path: Path) -> bool | None:
    """Whether some program, such as the share's server, has the file open for writing.

    Asks the kernel for a read lease, which it grants only where nobody writes. ``None`` where it
    does not say: other people's files, file systems without leases.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False
