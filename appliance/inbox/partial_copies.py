"""Copies into the inbox that may be interrupted, when a USB drive is removed or the power fails.

A partial copy is deleted, and a note in ``failed`` reports it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from appliance.errors import BadInput
from appliance.files.atomic import write_text
from appliance.system.regular_file import open_regular, read_regular_text

_PARTIAL_SUFFIX = ".usb-part"
_INTERRUPTED_CODE = "usb_copy_incomplete"
_MAX_NOTE_BYTES = 100_000


@contextmanager
def atomic_copy(target: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces ``target`` at the end of the ``with`` block.

    The content is synced to the disk first. If the block fails, the temporary file is deleted.
    Raises ``OSError``.
    """
    part = _partial_path(target)
    file = _open_locked(part)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(target)
    except BaseException:
        remove_partial_copy(target)
        raise


def remove_partial_copy(target: Path) -> None:
    """Delete the partial copy of ``target``. To be called only by the process that copies it."""
    with contextlib.suppress(OSError):
        _partial_path(target).unlink(missing_ok=True)


def remove_partial_copies(inbox: Path) -> None:
    """Delete the partial copies that no process writes any more, and write a note for each.

    Raises ``OSError`` if ``inbox`` cannot be read.
    """
    with os.scandir(inbox) as entries:
        parts = [
            Path(entry.path)
            for entry in entries
            if entry.name.endswith(_PARTIAL_SUFFIX) and entry.is_file(follow_symlinks=False)
        ]
    for part in parts:
        # A lock is released when its process ends; a file that is still locked is kept.
        with contextlib.suppress(OSError), open_regular(part) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
            write_failure_note(inbox, part.name.removeprefix(".").removesuffix(_PARTIAL_SUFFIX))


def write_failure_note(inbox: Path, name: str) -> None:
    """Write a note to ``inbox/failed`` that the copy of ``name`` is incomplete."""
    error = BadInput(_INTERRUPTED_CODE, name=name)
    lines = [name, *(f"{error.text(language)} {error.cure(language)}" for language in ("en", "zh"))]
    note = _note_path(inbox, name)
    note.parent.mkdir(exist_ok=True)
    text = "\n\n".join([*lines, f"({_INTERRUPTED_CODE})"]) + "\n"
    write_text(note, text, errors="backslashreplace")  # replaces a link instead of following it


def remove_failure_note(inbox: Path, name: str) -> None:
    """Delete the note about ``name``, which has been copied completely."""
    note = _note_path(inbox, name)
    with contextlib.suppress(OSError, ValueError):
        # A note with the reason of a failed job, which may have the same name, is kept.
        if read_regular_text(note, _MAX_NOTE_BYTES).endswith(f"({_INTERRUPTED_CODE})\n"):
            note.unlink()


def _partial_path(target: Path) -> Path:
    return target.with_name(f".{target.name}{_PARTIAL_SUFFIX}")


def _note_path(inbox: Path, name: str) -> Path:
    return inbox / "failed" / f"{name}.reason.txt"


def _open_locked(part: Path) -> BinaryIO:
    """Open ``part`` empty, with an exclusive lock that is held until it is closed."""
    while True:
        # Truncate only after locking: another process may be writing.
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.fdopen(os.open(part, flags, 0o666), "wb")
        with contextlib.suppress(OSError):  # some shares have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(part.stat(), os.fstat(file.fileno())):
                file.truncate(0)
                return file
        file.close()  # deleted by another process between opening and locking
