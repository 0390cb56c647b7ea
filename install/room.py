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

FULL_MB = 8
"""With less free space than this, a full disk may be the cause of any failed command."""
SPARE_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_WORDS = ("no space left on", "disk is full", "quota exceeded", "no usable temporary directory")


def free_mb(place: Path) -> int:
    """Return the free space in MiB on the disk of ``place``, which need not exist yet."""
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free >> 20


def plainly(error: BaseException, places: Iterable[Path] = ()) -> BaseException:
    """Return ``error`` as an ``InstallError`` if it is an ``OSError`` or SQLite error.

    If it is caused by a full disk, or if the disk of one of ``places`` (the folders that an
    installation writes to) is full, the text states this. Other errors are returned unchanged.
    """
    if not isinstance(error, (InstallError, OSError, sqlite3.Error)):
        return error
    full = [str(place) for place in places if _is_full(place)]
    if full or _tells_of_want(error):
        text = f"The disk of {full[0]} is full." if full else "The disk is full."
        if not _tells_of_want(error):  # there may be another cause
            text += f" The error was: {error.text if isinstance(error, InstallError) else error}"
        return InstallError(text, "Free some disk space and run the same command again.")
    if isinstance(error, InstallError):
        return error
    text = str(error)
    if isinstance(error, OSError) and error.strerror:  # without the error number
        where = "" if error.filename is None else f": {os.fsdecode(error.filename)}"
        text = f"{error.strerror}{where}"
    return InstallError(f"{text}.", "Fix this problem and run the same command again.")


def _is_full(place: Path) -> bool:
    try:
        return free_mb(place) < FULL_MB
    except OSError:  # for example an unavailable share, which must not prevent undoing changes
        return False


def _tells_of_want(error: BaseException) -> bool:
    said = str(error).lower()
    return getattr(error, "errno", None) in _FULL or any(words in said for words in _WORDS)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Reserve some space on the disk of ``folder``, in an unnamed file, within this context.

    Releasing it allows changes to be undone even if other programs have filled the disk.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(SPARE_BYTES))  # a file system may store zeros without using space
        file.flush()
        os.fsync(file.fileno())
        yield
