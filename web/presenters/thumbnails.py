"""Pictures of presenters, made by the daemon when it looks at one, and kept here.

A picture is kept under what identifies the presenter's file wherever it is moved to or linked:
its inode, size and time of writing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

from web.panel import config

MAX_KEPT = 1000
MAX_BYTES = 4 << 20


def thumbnail_of(presenter: Path) -> Path | None:
    """The picture of the presenter's file, if one was kept and the file is still there."""
    path = _place(presenter)
    return path if path is not None and path.is_file() else None


def keep(presenter: Path, picture: Path) -> None:
    """Keep ``picture`` (JPEG) as the presenter's; without room or file the library lacks it."""
    with contextlib.suppress(OSError):
        path = _place(presenter)
        if path is None or picture.stat().st_size > MAX_BYTES:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        shutil.copyfile(picture, part)
        part.replace(path)
        _prune(path.parent)


def keep_missing(presenter: Path, picture: Path) -> None:
    """:func:`keep` for a presenter without one: a job that was queued before the look at its
    presenter was done has made one all the same."""
    if thumbnail_of(presenter) is None and picture.is_file():
        keep(presenter, picture)


def _place(presenter: Path) -> Path | None:
    try:
        status = presenter.stat()
    except (OSError, ValueError):
        return None
    what = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    name = hashlib.sha256(what.encode()).hexdigest()[:32]
    return config().root / "cache" / "thumbnails" / f"{name}.jpg"


def _prune(folder: Path) -> None:
    pictures = sorted(folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
    for path in pictures[:-MAX_KEPT]:
        path.unlink(missing_ok=True)
