"""The file system on which a folder is, from the kernel's list of mounts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

_NETWORK_FILESYSTEMS = {
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "gfs2", "glusterfs", "gpfs",
    "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "smb3", "smbfs", "vboxsf",
    "virtiofs", "vmhgfs",
}  # fmt: skip
"""Types on which another machine may write without an event in this kernel."""


@dataclass(frozen=True)
class Mount:
    """A mounted file system with its mount point (``path``), type (``fs_type``) and ``source``.

    ``mount_id`` distinguishes it from earlier mounts at the same mount point. ``device_number`` is
    the device number as ``major:minor``, the same for all mount points of one file system.
    """

    mount_id: int
    device_number: str
    path: Path
    fs_type: str
    source: str

    @property
    def events_unreliable(self) -> bool:
        """Whether files may change without an event, as on network shares and FUSE."""
        return self.fs_type in _NETWORK_FILESYSTEMS or self.fs_type.split(".")[0] in (
            "fuse",
            "fuseblk",
        )


def read_mounts(text: str) -> list[Mount]:
    """Parse a ``mountinfo`` file (proc_pid_mountinfo(5)), in its order; skip malformed lines.

    >>> read_mounts("36 35 0:41 / /in\\\\040box rw - cifs //school/box rw")
    [Mount(mount_id=36, device_number='0:41', path=..., fs_type='cifs', source='//school/box')]
    """
    mounts = []
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        mount_fields, source_fields = left.split(" "), right.split(" ")
        if (
            dash
            and len(mount_fields) >= 5
            and len(source_fields) >= 2
            and mount_fields[0].isdigit()
        ):
            mount_point, source = Path(_unescape(mount_fields[4])), _unescape(source_fields[1])
            mounts.append(
                Mount(int(mount_fields[0]), mount_fields[2], mount_point, source_fields[0], source)
            )
    return mounts


def find_mount(folder: Path, mounts: Iterable[Mount]) -> Mount | None:
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


def events_unreliable(folder: Path, mounts: Iterable[Mount]) -> bool:
    """Return whether files in ``folder`` or its subfolders may change without an event.

    Also true if the mount of ``folder`` is unknown.
    """
    mounts = list(mounts)
    mount, real = find_mount(folder, mounts), Path(os.path.realpath(folder))
    below = [m for m in mounts if m.path != real and m.path.is_relative_to(real)]
    return mount is None or mount.events_unreliable or any(m.events_unreliable for m in below)


def _unescape(field: str) -> str:
    """Decode the kernel's octal escapes, such as ``\\040`` for a space."""
    raw = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), os.fsencode(field))
    return os.fsdecode(raw)
