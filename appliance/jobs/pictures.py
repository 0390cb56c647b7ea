"""Cache of the thumbnails of presenters and finished videos.

The cache key consists of device, inode, size and modification time of the original file, so a
thumbnail is still found after the file was moved or linked within its file system.
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
    """Cache of at most ``most`` thumbnails in ``root/cache/thumbnails``.

    The oldest thumbnails are deleted first.
    """

    def __init__(self, root: Path, most: int = MAX_KEPT) -> None:
        self._folder, self._most = root / "cache" / "thumbnails", most

    def of(self, file: Path) -> Path | None:
        """Return the path of the cached JPEG of ``file``.

        Returns ``None`` if there is no thumbnail or ``file`` no longer exists.
        """
        path = self._place(file)
        return path if path is not None and path.is_file() else None

    def keep(self, file: Path, picture: Path) -> None:
        """Store a copy of the JPEG ``picture`` as the thumbnail of ``file``.

        Pictures above ``MAX_BYTES`` are ignored. Errors are ignored, too: this is only a cache.
        """
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
