"""Opens files that another user may have placed: regular files only, without following links.

A named pipe blocks the process that opens it, a device may do anything, and a link may lead to a
file that its owner cannot read but we can. Such a file may also take the place of a regular one at
any time, so the check is made on the open descriptor, and the content is read from the same
descriptor.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_SPECIAL = {errno.ELOOP, errno.ENXIO, errno.ENODEV}
"""Errors of opening a link, a socket, and a device without a driver."""


class NotRegularFileError(OSError):
    """The path names a link or a special file: a named pipe, a socket or a device."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "not a regular file", os.fspath(path))


def open_descriptor(path: Path, *, max_bytes: int | None = None) -> int:
    """Open the regular file ``path`` for reading and return its descriptor.

    Raises ``NotRegularFileError``, ``IsADirectoryError``, ``OSError(EFBIG)`` for a file of more
    than ``max_bytes`` bytes, and other ``OSError`` as ``os.open`` does.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in _SPECIAL:
            raise NotRegularFileError(path) from None
        raise
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(status.st_mode):
            raise NotRegularFileError(path)
        if max_bytes is not None and status.st_size > max_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.fspath(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_regular(path: Path, *, max_bytes: int | None = None) -> BinaryIO:
    """Open the regular file ``path`` for reading, buffered; ``name`` is its path.

    Raises the errors of :func:`open_descriptor`.
    """
    # The opener keeps the path as the file's name.
    return open(path, "rb", opener=lambda *_: open_descriptor(path, max_bytes=max_bytes))


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Return the content of the regular file ``path`` of at most ``max_bytes`` bytes.

    Raises the errors of :func:`open_descriptor`, also if the file grows beyond the limit meanwhile.
    """
    with open_regular(path, max_bytes=max_bytes) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.fspath(path))
    return content


def read_regular_text(path: Path, max_bytes: int, *, errors: str = "strict") -> str:
    """Return the content of a file, like :func:`read_regular`, decoded from UTF-8 with or without a
    byte order mark, with the line ends of any system.

    Raises ``UnicodeDecodeError`` as well.
    """
    raw = io.BytesIO(read_regular(path, max_bytes))
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors=errors).read()


@contextmanager
def descriptor_path(path: Path) -> Iterator[str]:
    """Yield a path that names the regular file ``path`` itself, for libraries that open by name.

    The path leads through ``/proc`` to the descriptor that was checked, so that a file that takes
    the place of ``path`` meanwhile is not opened. It is valid in the ``with`` block and in this
    process. Raises the errors of :func:`open_descriptor`.
    """
    descriptor = open_descriptor(path)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def follow_link(path: Path) -> Path:
    """Return the file that ``path`` links to, or ``path`` itself if it is no link.

    For paths that the person who runs a command has typed: links are theirs to use.
    """
    return path.resolve() if path.is_symlink() else path


def is_regular(path: Path) -> bool:
    """Return whether ``path`` is a regular file, and not a link to one. Opens nothing."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
