"""Print all files below a folder, one per line and sorted, with mode, owner and content."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

NOT_ON_THE_DISK = {"/dev", "/mnt", "/proc", "/run", "/sys", "/tmp"}


def listing(root: Path) -> Iterator[str]:
    """Yield the lines; spaces in a path are replaced, so that it is one word."""
    for folder, folders, names in os.walk(root):
        inside = "/" + os.path.relpath(folder, root) if folder != str(root) else ""
        folders[:] = sorted(name for name in folders if f"{inside}/{name}" not in NOT_ON_THE_DISK)
        for name in sorted([*folders, *names]):
            yield _line(Path(folder) / name, f"{inside}/{name}".replace(" ", "_"))


def _line(path: Path, name: str) -> str:
    status = path.lstat()
    content = ""
    if stat.S_ISREG(status.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    return f"{name} {status.st_mode:o} {status.st_uid}:{status.st_gid} {content}"


if __name__ == "__main__":
    for line in listing(Path(sys.argv[1])):
        print(line)
