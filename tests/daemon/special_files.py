"""What users may put in the place of a regular file, and a time limit for its readers."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

DEADLINE_S = 30.0
SECRET = b"not for the class"

Place = Callable[[Path, Path], None]
"""Puts something at the first path; the second is a file that the inbox's users cannot read."""


def _pipe(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def _link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def _inner_link(path: Path, secret: Path) -> None:
    other = path.with_name(f"other{path.suffix}")
    other.write_bytes(SECRET)
    path.symlink_to(other.name)


def _dangling(path: Path, secret: Path) -> None:
    path.symlink_to("missing")


def _link_to_folder(path: Path, secret: Path) -> None:
    path.symlink_to(secret.parent)


def _socket(path: Path, secret: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)  # the path of a socket has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def _device(path: Path, secret: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root creates a device")
    os.mknod(path, 0o020644, os.makedev(1, 5))  # /dev/zero, which never ends


def _folder(path: Path, secret: Path) -> None:
    path.mkdir()


KINDS: dict[str, Place] = {
    "pipe": _pipe, "link": _link, "inner link": _inner_link, "dangling link": _dangling,
    "link to a folder": _link_to_folder, "socket": _socket, "device": _device, "folder": _folder,
}  # fmt: skip


def in_time(work: Callable[[], object]) -> tuple[object, BaseException | None]:
    """Return the result or the exception of ``work``; fail if it does not end in time."""
    outcome: list[tuple[object, BaseException | None]] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE_S)
    assert outcome, "the reader hangs"
    return outcome[0]
