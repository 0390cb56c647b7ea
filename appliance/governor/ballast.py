"""A little space kept aside, so that on a full disk the queue can still say that it is full."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

SIZE = 4_000_000
"""The queue's log of changes is cut back after 4 MB (SQLite's 1,000 pages)."""


class Ballast:
    """The file ``path``, which holds nothing but its space."""

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size

    def lay(self) -> None:
        """Take the space, where that is not done yet and there is enough."""
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size == self._size:
                return
            free = os.statvfs(self._path.parent)
            if free.f_bavail * free.f_frsize < 3 * self._size:
                return
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, self._size)
            except OSError:
                self.drop()
                raise
            finally:
                os.close(handle)

    def drop(self) -> None:
        """Give the space to who needs it more."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
