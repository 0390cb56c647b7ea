"""Reserves a little disk space, so that the queue can record that the disk is full."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

RESERVE_BYTES = 4_000_000
"""Size of the reserve: SQLite truncates the queue's write-ahead log after 4 MB (1,000 pages)."""


class DiskReserve:
    """A reserve of disk space: the file ``path``, whose content is not used."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size

    def allocate(self) -> None:
        """Allocate the reserve if it does not exist and there is enough space."""
        with contextlib.suppress(OSError):
            if self._path.exists() and self._path.stat().st_size == self._size:
                return
            free = os.statvfs(self._path.parent)
            if free.f_bavail * free.f_frsize < 3 * self._size:
                return
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, self._size)
            except OSError:
                self.release()
                raise
            finally:
                os.close(fd)

    def release(self) -> None:
        """Release the reserve."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
