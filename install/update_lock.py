"""The lock that shows the panel that the device is being updated."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from install.paths import UPDATE_LOCK
from install.step import make_parents, remove_empty
from install.system import System


@contextmanager
def update_lock(system: System) -> Iterator[None]:
    """Hold the lock that the panel checks; it is released even if this process crashes."""
    path = system.path(UPDATE_LOCK)
    created_folders = make_parents(path)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)  # independent of the umask
        fcntl.flock(fd, fcntl.LOCK_EX)  # waits while the panel is checking the lock
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(fd)
        remove_empty(created_folders)
