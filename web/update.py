"""Whether the box is being updated: the installer holds a lock as long as it works.

A lock, and not the file as such: the kernel takes it back when the installer dies, so no cut power
or killed process leaves a panel behind that speaks of an update for ever.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

MARKER = Path("/run/lectern/update")
"""As the installer calls it (``install.layout.UPDATE``)."""


def is_updating(marker: Path = MARKER) -> bool:
    """Whether an installer is at work."""
    try:
        handle = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
