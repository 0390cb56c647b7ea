"""Files that were being copied into the inbox from a stick when it was pulled out, or the power
went: what there is of them goes, and a note stays that says so."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from appliance.errors import BadInput

_END = ".stick-part"
_CODE = "usb_cut_off"


@contextmanager
def copying_to(target: Path) -> Iterator[BinaryIO]:
    """A file to write ``target``'s bytes into. It appears under that name after the ``with`` block,
    whole and on the disk; where the block fails, nothing is left. Raises ``OSError``."""
    part = _part(target)
    file = _locked(part)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(target)
    except BaseException:
        discard(target)
        raise


def discard(target: Path) -> None:
    """Remove what there is of ``target``'s bytes; only for who alone may be copying there."""
    with contextlib.suppress(OSError):
        _part(target).unlink(missing_ok=True)


def sweep(inbox: Path) -> None:
    """Remove what nobody is copying any more, each with its note. Raises ``OSError`` where
    ``inbox`` cannot be read."""
    with os.scandir(inbox) as entries:
        parts = [
            Path(entry.path)
            for entry in entries
            if entry.name.endswith(_END) and entry.is_file(follow_symlinks=False)
        ]
    for part in parts:
        # A lock ends with the process that held it. Where none can be had, the file stays.
        with contextlib.suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
            leave_note(inbox, part.name.removeprefix(".").removesuffix(_END))


def leave_note(inbox: Path, name: str) -> None:
    """Say in ``failed`` that ``name`` was not copied to its end."""
    error = BadInput(_CODE, name=name)
    lines = [name, *(f"{error.text(each)} {error.cure(each)}" for each in ("en", "zh"))]
    note = _note(inbox, name)
    note.parent.mkdir(exist_ok=True)
    text = "\n\n".join([*lines, f"({_CODE})"]) + "\n"
    note.write_text(text, encoding="utf-8", errors="backslashreplace")


def remove_note(inbox: Path, name: str) -> None:
    """Now ``name`` has arrived."""
    note = _note(inbox, name)
    with contextlib.suppress(OSError, ValueError):
        if note.read_text(encoding="utf-8").endswith(f"({_CODE})\n"):  # and no job's reason
            note.unlink()


def _part(target: Path) -> Path:
    return target.with_name(f".{target.name}{_END}")


def _note(inbox: Path, name: str) -> Path:
    return inbox / "failed" / f"{name}.reason.txt"


def _locked(part: Path) -> BinaryIO:
    """``part``, new and ours until it is closed."""
    while True:
        # Not emptied before it is ours: another may be writing.
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.fdopen(os.open(part, flags, 0o666), "wb")
        with contextlib.suppress(OSError):  # some shares have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(part.stat(), os.fstat(file.fileno())):
                file.truncate(0)
                return file
        file.close()  # swept between the opening and the lock
