"""Handle a full disk: explain the error, and reserve space so that changes can be undone."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from install.errors import InstallError

FULL_THRESHOLD_MB = 8
"""With less free space than this, a full disk may be the cause of any failed command."""
RESERVED_BYTES = 1 << 20
_SPACE_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
_SPACE_MESSAGES = (
    "no space left on",
    "disk is full",
    "quota exceeded",
    "no usable temporary directory",
)


def free_mb(path: Path) -> int:
    """Return the free space in MiB on the disk of ``path``, which need not exist yet."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free >> 20


def explain(error: BaseException, folders: Iterable[Path] = ()) -> BaseException:
    """Return ``error`` as an ``InstallError`` if it is an ``OSError`` or SQLite error.

    If it is caused by a full disk, or if the disk of one of ``folders`` (the folders that an
    installation writes to) is full, the text states this. Other errors are returned unchanged.
    """
    if not isinstance(error, (InstallError, OSError, sqlite3.Error)):
        return error
    full = [str(folder) for folder in folders if _is_full(folder)]
    if full or _is_space_error(error):
        text = f"The disk of {full[0]} is full." if full else "The disk is full."
        if not _is_space_error(error):  # there may be another cause
            text += f" The error was: {error.text if isinstance(error, InstallError) else error}"
        return InstallError(text, "Free some disk space and run the same command again.")
    if isinstance(error, InstallError):
        return error
    text = str(error)
    if isinstance(error, OSError) and error.strerror:  # without the error number
        location = "" if error.filename is None else f": {os.fsdecode(error.filename)}"
        text = f"{error.strerror}{location}"
    return InstallError(f"{text}.", "Fix this problem and run the same command again.")


def _is_full(path: Path) -> bool:
    try:
        return free_mb(path) < FULL_THRESHOLD_MB
    except OSError:  # for example an unavailable share, which must not prevent undoing changes
        return False


def _is_space_error(error: BaseException) -> bool:
    message = str(error).lower()
    return getattr(error, "errno", None) in _SPACE_ERRNOS or any(
        phrase in message for phrase in _SPACE_MESSAGES
    )


@contextmanager
def reserved_space(folder: Path) -> Iterator[None]:
    """Reserve some space on the disk of ``folder``, in an unnamed file, within this context.

    Releasing it allows changes to be undone even if other programs have filled the disk.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(RESERVED_BYTES))  # a file system may store zeros without using space
        file.flush()
        os.fsync(file.fileno())
        yield
