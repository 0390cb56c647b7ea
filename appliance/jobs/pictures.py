"""Small pictures of presenters and finished videos, kept for who looks at them later.

A picture is kept under what identifies its file wherever that is moved to or linked: device,
inode, size and time of writing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from pathlib import Path

MAX_KEPT = 2000
MAX_BYTES = 4 << 20


class Pictures:
    """Those below the box's folder ``root``, in ``cache/thumbnails``: the ``most`` latest."""

    def __init__(self, root: Path, most: int = MAX_KEPT) -> None:
        self._folder, self._most = root / "cache" / "thumbnails", most

    def of(self, file: Path) -> Path | None:
        """The JPEG of ``file``, if one was kept and the file is still there."""
        path = self._place(file)
        return path if path is not None and path.is_file() else None

    def keep(self, file: Path, picture: Path) -> None:
        """Keep a copy of ``picture`` (JPEG) as that of ``file``; where there is no room or no
        file, it has none."""
        with contextlib.suppress(OSError):
            path = self._place(file)
            if path is None or picture.stat().st_size > MAX_BYTES:
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            shutil.copyfile(picture, part)
            part.replace(path)
            self._prune()

    def _place(self, file: Path) -> Path | None:
        try:
            status = file.stat()
        except (OSError, ValueError):
            return None
        what = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
        name = hashlib.sha256(what.encode()).hexdigest()[:32]
        return self._folder / f"{name}.jpg"

    def _prune(self) -> None:
        pictures = sorted(self._folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
        for path in pictures[: -self._most]:
            path.unlink(missing_ok=True)
