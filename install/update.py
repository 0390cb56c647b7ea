"""Tells the panel that the box is being updated, as long as that lasts and no longer."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from install.layout import UPDATE
from install.step import make_parents, remove_empty
from install.system import System


@contextmanager
def announced(system: System) -> Iterator[None]:
    """Hold the lock that the panel looks at. It ends with this process, however that ends."""
    path = system.path(UPDATE)
    made = make_parents(path)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(handle, 0o644)  # whatever the administrator's umask
        fcntl.flock(handle, fcntl.LOCK_EX)  # waits for a panel that is just looking
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)
        remove_empty(made)
