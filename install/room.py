"""A disk that becomes full: said in plain words, and never in the way of taking changes back."""

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
"""With less than this free, want of room may be why a command failed, whatever it said itself."""
SPARE_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_WORDS = ("no space left on", "disk is full", "quota exceeded", "no usable temporary directory")


def free_mb(place: Path) -> int:
    """What is free where ``place`` lies, or will."""
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free >> 20


def plainly(error: BaseException, places: Iterable[Path] = ()) -> BaseException:
    """``error`` as an ``InstallError`` where it is of a disk or a database. Where it tells of no
    room, or one of ``places``, which an installation writes to, has none, that is what it says."""
    if not isinstance(error, (InstallError, OSError, sqlite3.Error)):
        return error
    full = [str(place) for place in places if _is_full(place)]
    if full or _tells_of_want(error):
        text = f"The disk of {full[0]} is full." if full else "The disk is full."
        if not _tells_of_want(error):  # it may have failed for another reason
            text += f" Besides: {error.text if isinstance(error, InstallError) else error}"
        return InstallError(text, "Make room and run the same command again.")
    if isinstance(error, InstallError):
        return error
    text = str(error)
    if isinstance(error, OSError) and error.strerror:  # without its number
        where = "" if error.filename is None else f": {os.fsdecode(error.filename)}"
        text = f"{error.strerror}{where}"
    return InstallError(f"{text}.", "Mend it and run the same command again.")


def _is_full(place: Path) -> bool:
    try:
        return free_mb(place) < FULL_MB
    except OSError:  # a share that is gone, say: that must not keep changes from being taken back
        return False


def _tells_of_want(error: BaseException) -> bool:
    said = str(error).lower()
    return getattr(error, "errno", None) in _FULL or any(words in said for words in _WORDS)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a little room on the disk of ``folder``, in a file without a name: what was changed can
    afterwards be put back though others have filled the disk."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(SPARE_BYTES))  # of zeros, a file system may keep nothing
        file.flush()
        os.fsync(file.fileno())
        yield
