"""Writing a file so that a power cut leaves the whole of it or nothing."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import av

from appliance.errors import Fault


def part_of(path: Path) -> Path:
    """Where ``path`` is written until it is whole: hidden, in the same folder."""
    return path.with_name(f".{path.name}.part")


def publish(path: Path) -> None:
    """Move :func:`part_of` to ``path``; on return both the bytes and the name are on the disk.

    Raises ``OSError``; the part is then still there.
    """
    part = part_of(path)
    _sync(part, os.O_RDWR)
    os.replace(part, path)
    _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def discard(path: Path) -> None:
    """Remove what :func:`part_of` holds, if anything."""
    part_of(path).unlink(missing_ok=True)


@contextlib.contextmanager
def write_faults(path: Path) -> Iterator[None]:
    """Turn the errors of libav and of the disk while ``path`` is written into a ``Fault``:
    ``disk_full`` or ``encoder_failed``."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Fault("disk_full", name=path.name) from error
        reason = getattr(error, "strerror", None) or str(error)
        raise Fault("encoder_failed", name=path.name, reason=reason) from error


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
