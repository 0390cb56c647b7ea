"""Cache of the thumbnails of presenters and finished videos.

The cache key consists of device, inode, size and modification time of the original file, so a
thumbnail is still found after the file was moved or linked within its file system.
"""

from __future__ import annotations

import contextlib
import hashlib
import stat
from pathlib import Path

from appliance.files.atomic import write_bytes
from appliance.system.regular_file import read_regular

MAX_THUMBNAILS = 2000
MAX_THUMBNAIL_BYTES = 4 << 20


class ThumbnailCache:
    """Cache of at most ``max_count`` thumbnails in ``root/cache/thumbnails``.

    The oldest thumbnails are deleted first.
    """

    def __init__(self, root: Path, max_count: int = MAX_THUMBNAILS) -> None:
        self._folder, self._max_count = root / "cache" / "thumbnails", max_count

    def get(self, file: Path) -> Path | None:
        """Return the path of the cached JPEG of ``file``.

        Returns ``None`` if there is no thumbnail or ``file`` no longer exists.
        """
        path = self._cache_path(file)
        return path if path is not None and path.is_file() else None

    def put(self, file: Path, thumbnail: Path) -> None:
        """Store a copy of the JPEG ``thumbnail`` as the thumbnail of ``file``.

        Pictures above ``MAX_THUMBNAIL_BYTES`` are ignored. Errors are ignored, too: this is only a
        cache.
        """
        with contextlib.suppress(OSError):
            path = self._cache_path(file)
            if path is None:
                return
            picture = read_regular(thumbnail, MAX_THUMBNAIL_BYTES)
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(path, picture, shared=True)
            self._prune()

    def _cache_path(self, file: Path) -> Path | None:
        try:
            status = file.lstat()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):  # links and special files have no thumbnail
            return None
        identity = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
        name = hashlib.sha256(identity.encode()).hexdigest()[:32]
        return self._folder / f"{name}.jpg"

    def _prune(self) -> None:
        pictures = sorted(self._folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
        for path in pictures[: -self._max_count]:
            path.unlink(missing_ok=True)
