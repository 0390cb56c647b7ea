"""Detect whether the device is being updated: the installer holds a lock while it runs.

The lock is checked and not the existence of the file, because the kernel releases the lock if the
installer is killed. After a power cut the panel does not keep reporting an update.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

MARKER = Path("/run/lectern/update")
"""Lock file of the installer (``install.paths.UPDATE_LOCK``)."""


def is_updating(marker: Path = MARKER) -> bool:
    """Return whether the installer is running."""
    try:
        fd = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False
