"""Writing a file so that a power cut leaves the whole of it or nothing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from appliance.errors import BadInput, Fault

_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""How shares and FUSE answer when asked to sync a folder."""


_LONGEST_NAME = 255
"""Bytes; the limit of every file system that we meet."""


def part_of(path: Path) -> Path:
    """Where ``path`` is written until it is whole: hidden, in the same folder."""
    name = f".{path.name}.part"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{hashlib.blake2b(os.fsencode(path.name), digest_size=16).hexdigest()}.part"
    return path.with_name(name)


def check_target(path: Path, *, in_place: bool = False) -> None:
    """Say before the work, not after it, that ``path`` cannot be written, and leave no trace.

    :func:`publish` replaces the file at ``path``; ``in_place`` tells that what is there will be
    written to instead, which may also be a pipe or a device.

    Raises ``BadInput``: ``output_exists_folder`` or ``output_unwritable``.
    """
    name = path.name or str(path)
    try:
        if path.is_dir():
            raise BadInput("output_exists_folder", name=name)
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder")
        if not in_place or not _exists(path):
            _try_folder(path)
        elif not os.access(path, os.W_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput("output_unwritable", name=name, reason=reason) from error


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:  # or a link to what will be made
        return False
    return True


def _try_folder(path: Path) -> None:
    """Raises ``OSError`` if no file can be made beside ``path`` and take its name."""
    folder = path.parent
    tempfile.TemporaryFile(dir=folder).close()  # without a name, where the file system knows that
    try:
        there, around = path.lstat(), folder.stat()
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):  # root's /dev/null, say
        raise FileExistsError(errno.EEXIST, "it is no file")
    # In a folder like /tmp, only their owners may replace files.
    if around.st_mode & stat.S_ISVTX and os.geteuid() not in (0, there.st_uid, around.st_uid):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def publish(path: Path) -> None:
    """Move :func:`part_of` to ``path``; on return both the bytes and the name are on the disk.

    Raises ``OSError``; the part is then still there.
    """
    part = part_of(path)
    sync_file(part)
    os.replace(part, path)
    sync_folder(path.parent)


def discard(path: Path) -> None:
    """Remove what :func:`part_of` holds, if anything."""
    part_of(path).unlink(missing_ok=True)


@contextlib.contextmanager
def write_faults(path: Path) -> Iterator[None]:
    """Turn the errors of libav and of the disk while ``path`` is written into a ``Fault``:
    ``disk_full``, ``file_too_large`` (FAT ends at 4 GiB) or ``encoder_failed``."""
    try:
        yield
    except _errors() as error:
        number = getattr(error, "errno", None)
        if number == errno.EFBIG:
            raise Fault("file_too_large", name=path.name) from error
        if number in (errno.ENOSPC, errno.EDQUOT):
            raise Fault("disk_full", name=path.name) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise Fault("encoder_failed", name=path.name, reason=reason) from error


def _errors() -> tuple[type[Exception], ...]:
    import av  # here, and only on a fault: the daemon, which writes too, needs no codecs

    return av.FFmpegError, OSError


def sync_file(path: Path) -> None:
    """Bring a file's bytes to the disk."""
    _sync(path, os.O_RDWR)


def sync_folder(path: Path) -> None:
    """Bring a folder's names to the disk, where its file system knows of such a thing."""
    try:
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
