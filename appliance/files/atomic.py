"""Writes a file so that after a power cut it is either complete or absent."""

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

_SYNC_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
"""Errors of network shares and FUSE for a request to sync a folder."""


_MAX_NAME_BYTES = 255
"""Maximum length of a file name in bytes, common to all supported file systems."""


def temp_path(path: Path, *, shared: bool = False) -> Path:
    """Return the hidden temporary file, in the same folder, in which ``path`` is written.

    With ``shared``, several processes may write ``path`` at the same time: each has its own
    temporary file. One that a crash leaves behind is not overwritten by the next attempt.
    """
    end = f".{os.getpid()}.part" if shared else ".part"
    name = f".{path.name}{end}"
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = f".{hashlib.blake2b(os.fsencode(path.name), digest_size=16).hexdigest()}{end}"
    return path.with_name(name)


def check_writable(path: Path, *, in_place: bool = False) -> None:
    """Check that ``path`` can be written, without changing anything; called before the work.

    :func:`commit` replaces the file at ``path``. With ``in_place``, an existing file is written to
    instead; it may also be a pipe or a device.

    Raises ``BadInput``: ``output_is_folder`` or ``output_unwritable``.
    """
    name = path.name or str(path)
    try:
        if path.is_dir():
            raise BadInput("output_is_folder", name=name)
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder")
        if not in_place or not _exists(path):
            _probe_folder(path)
        elif not os.access(path, os.W_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput("output_unwritable", name=name, reason=reason) from error


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:  # also raised for a link to a file that does not exist yet
        return False
    return True


def _probe_folder(path: Path) -> None:
    """Raise ``OSError`` if no file can be created next to ``path`` and renamed to it."""
    folder = path.parent
    tempfile.TemporaryFile(dir=folder).close()  # has no name where the file system supports that
    try:
        target_status, folder_status = path.lstat(), folder.stat()
    except FileNotFoundError:
        return
    if not (stat.S_ISREG(target_status.st_mode) or stat.S_ISLNK(target_status.st_mode)):
        # A device such as /dev/null, which root could replace.
        raise FileExistsError(errno.EEXIST, "not a regular file")
    # In a folder with the sticky bit, such as /tmp, only the owner may replace a file.
    if folder_status.st_mode & stat.S_ISVTX and os.geteuid() not in (
        0,
        target_status.st_uid,
        folder_status.st_uid,
    ):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def commit(path: Path, *, shared: bool = False) -> None:
    """Move :func:`temp_path` to ``path``; on return both the data and the name are on disk.

    Raises ``OSError``; the temporary file then still exists.
    """
    temp = temp_path(path, shared=shared)
    fsync_file(temp)
    os.replace(temp, path)
    fsync_folder(path.parent)


def discard_temp(path: Path, *, shared: bool = False) -> None:
    """Delete the temporary file :func:`temp_path`, if it exists."""
    temp_path(path, shared=shared).unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, mode: int | None = None, shared: bool = False) -> None:
    """Write a file that appears with all of ``data`` or not at all, and replaces an existing one.

    ``mode`` sets its permissions, which also apply while it is written; the default depends on the
    umask. ``shared``: see :func:`temp_path`. Raises ``OSError``; the temporary file is deleted.
    """
    discard_temp(path, shared=shared)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        temp = os.open(temp_path(path, shared=shared), flags, 0o666 if mode is None else mode)
        with open(temp, "wb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
        commit(path, shared=shared)
    except BaseException:
        with contextlib.suppress(OSError):
            discard_temp(path, shared=shared)
        raise


def write_text(
    path: Path,
    text: str,
    *,
    errors: str = "strict",
    mode: int | None = None,
    shared: bool = False,
) -> None:
    """Write ``text`` as UTF-8, like :func:`write_bytes`. ``errors``: see ``str.encode``."""
    write_bytes(path, text.encode("utf-8", errors), mode=mode, shared=shared)


@contextlib.contextmanager
def translate_write_errors(path: Path) -> Iterator[None]:
    """Translate errors of libav and of the disk while ``path`` is written into a ``Fault``.

    The codes are ``disk_full``, ``file_too_large`` (FAT is limited to 4 GiB) and
    ``encoder_failed``.
    """
    try:
        yield
    except _write_error_types() as error:
        number = getattr(error, "errno", None)
        if number == errno.EFBIG:
            raise Fault("file_too_large", name=path.name) from error
        if number in (errno.ENOSPC, errno.EDQUOT):
            raise Fault("disk_full", name=path.name) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise Fault("encoder_failed", name=path.name, reason=reason) from error


def _write_error_types() -> tuple[type[Exception], ...]:
    import av  # only on an error: the daemon writes files, too, but must not load codecs

    return av.FFmpegError, OSError


def fsync_file(path: Path) -> None:
    """Flush a file's data to disk."""
    _fsync(path, os.O_RDWR)


def fsync_folder(path: Path) -> None:
    """Flush a folder's entries to disk, if its file system supports that."""
    try:
        _fsync(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in _SYNC_UNSUPPORTED:
            raise


def _fsync(path: Path, flags: int) -> None:
    fd = os.open(path, flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content as a hex string."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
