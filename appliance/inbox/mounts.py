"""The file system on which a folder is, from the kernel's list of mounts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

_REMOTE = {
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs2", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf",
    "virtiofs", "vmhgfs",
}  # fmt: skip
"""Types on which another machine may write without an event in this kernel."""


@dataclass(frozen=True)
class Mount:
    """A mounted file system with its mount point (``path``), type (``kind``) and ``source``.

    ``number`` distinguishes it from earlier mounts at the same mount point. ``device`` is the
    device number as ``major:minor``, the same for all mount points of one file system.
    """

    number: int
    device: str
    path: Path
    kind: str
    source: str

    @property
    def is_silent(self) -> bool:
        """Whether files may change without an event, as on network shares and FUSE."""
        return self.kind in _REMOTE or self.kind.split(".")[0] in ("fuse", "fuseblk")


def read_mounts(text: str) -> list[Mount]:
    """Parse a ``mountinfo`` file (proc_pid_mountinfo(5)), in its order; skip malformed lines.

    >>> read_mounts("36 35 0:41 / /in\\\\040box rw - cifs //school/box rw")
    [Mount(number=36, device='0:41', path=PosixPath('/in box'), kind='cifs', source='//school/box')]
    """
    mounts = []
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        about, what = left.split(" "), right.split(" ")
        if dash and len(about) >= 5 and len(what) >= 2 and about[0].isdigit():
            place, source = Path(_plain(about[4])), _plain(what[1])
            mounts.append(Mount(int(about[0]), about[2], place, what[0], source))
    return mounts


def mount_of(folder: Path, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount that contains ``folder``; ``None`` if there is none.

    Of several mounts at one mount point it is the last one, which hides the others.
    """
    real = Path(os.path.realpath(folder))
    found: Mount | None = None
    for mount in mounts:
        if real.is_relative_to(mount.path) and (
            found is None or len(mount.path.parts) >= len(found.path.parts)
        ):
            found = mount
    return found


def is_silent(folder: Path, mounts: Iterable[Mount]) -> bool:
    """Return whether files in ``folder`` or its subfolders may change without an event.

    Also true if the mount of ``folder`` is unknown.
    """
    mounts = list(mounts)
    mount, real = mount_of(folder, mounts), Path(os.path.realpath(folder))
    below = [m for m in mounts if m.path != real and m.path.is_relative_to(real)]
    return mount is None or mount.is_silent or any(m.is_silent for m in below)


def _plain(field: str) -> str:
    """Decode the kernel's octal escapes, such as ``\\040`` for a space."""
    raw = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), os.fsencode(field))
    return os.fsdecode(raw)
