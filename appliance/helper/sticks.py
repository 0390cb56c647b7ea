"""Lists the USB drives that are plugged in and mounts them while they are used."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import BadInput
from appliance.inbox.mounts import mount_of, read_mounts

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns its standard output, or raises ``OSError`` with its last error."""

_SAFE = "nosuid,nodev,noexec"
# On file systems without owners, the files belong to the services' user.
_OWNED = "uid={uid},gid={gid},umask=0022"
_KINDS = {
    "vfat": ("vfat", f"{_SAFE},{_OWNED},iocharset=utf8,flush"),
    "exfat": ("exfat", f"{_SAFE},{_OWNED},iocharset=utf8"),
    "ntfs": ("ntfs3", f"{_SAFE},{_OWNED}"),
    "ext2": ("ext4", _SAFE),
    "ext3": ("ext4", _SAFE),
    "ext4": ("ext4", _SAFE),
}
# Folders in which desktops, users and this helper mount USB drives.
_FOR_STICKS = tuple(Path(place) for place in ("/media", "/run/media", "/mnt", "/tmp"))


@dataclass(frozen=True)
class Stick:
    """A file system on a USB drive.

    ``device`` is the kernel's name (``sda1``), ``kind`` the type of the file system and ``size_mb``
    its size in MiB. ``uuid`` is the device name if the file system has no UUID.
    """

    device: str
    kind: str
    label: str
    uuid: str
    size_mb: float


def run_command(command: Sequence[str]) -> str:
    """Run a command and return its standard output; the default :data:`Run`.

    Raises ``OSError`` with the last line of its standard error if the command fails.
    """
    result = subprocess.run(list(command), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or [f"{command[0]} failed"]
        raise OSError(said[-1])
    return result.stdout


def find_sticks(run: Run = run_command, own: Collection[str] = ()) -> list[Stick]:
    """Return all file systems on USB drives, sorted by device name.

    Disks with one of the device numbers ``own`` (see :func:`own_devices`) are excluded, because the
    device itself may run from a USB disk.
    """
    columns = "NAME,TRAN,FSTYPE,LABEL,UUID,SIZE,MAJ:MIN"
    tree = json.loads(run(["lsblk", "--json", "--bytes", "--output", columns]))
    found = [
        _stick(part)
        for disk in tree["blockdevices"]
        if disk["tran"] == "usb" and not any(part["maj:min"] in own for part in _parts(disk))
        for part in [disk, *disk.get("children", [])]
        if part["fstype"]
    ]
    return sorted(found, key=lambda stick: stick.device)


def find_stick(device: str, run: Run = run_command, own: Collection[str] = ()) -> Stick:
    """Return the USB drive with the name ``device``. Raises ``BadInput("usb_missing")``."""
    for stick in find_sticks(run, own):
        if stick.device == device:
            return stick
    raise BadInput("usb_missing", device=device)


@contextmanager
def mounted(
    stick: Stick, owner: tuple[int, int], *, writable: bool = False, run: Run = run_command
) -> Iterator[Path]:
    """Mount ``stick`` for a ``with`` block and return the mount point.

    It is mounted in the mount namespace of this process. On a file system without owners, the files
    belong to ``owner`` (user ID, group ID). Raises ``BadInput``: ``usb_unreadable``,
    ``usb_read_only`` if it cannot be mounted ``writable``, and ``usb_busy`` if it cannot be
    unmounted.
    """
    if stick.kind not in _KINDS:
        raise BadInput("usb_unreadable", device=stick.label or stick.device, reason=stick.kind)
    kind, options = _KINDS[stick.kind]
    options = options.format(uid=owner[0], gid=owner[1])
    name = stick.label or stick.device
    folder = tempfile.mkdtemp(prefix="lectern-usb-")
    try:
        command = ["mount", "-t", kind, "-o", f"{'rw' if writable else 'ro'},{options}"]
        try:
            run([*command, f"/dev/{stick.device}", folder])
        except OSError as error:
            code = "usb_read_only" if writable else "usb_unreadable"
            raise BadInput(code, device=name, reason=str(error)) from error
        try:
            yield Path(folder)
        finally:
            try:
                run(["umount", folder])  # returns when all data is written
            except OSError as error:
                raise BadInput("usb_busy", device=name) from error
    finally:
        # Never delete its content: if unmounting failed, these are the files of the drive.
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def mounts_elsewhere(stick: Stick, table: str) -> list[str]:
    """Return where else ``stick`` is mounted; ``table`` is the text of ``/proc/1/mountinfo``."""
    source = f"/dev/{stick.device}"
    return [str(mount.path) for mount in read_mounts(table) if mount.source == source]


def own_devices(root: Path, table: str) -> set[str]:
    """Return the device numbers (``8:1``) of the system disks and of the disk that holds ``root``.

    ``table`` is the text of ``/proc/1/mountinfo``. System disks are all that are not mounted in one
    of the folders for USB drives.
    """
    mounts = read_mounts(table)
    files = mount_of(root, mounts)
    return {
        mount.device
        for mount in mounts
        if mount == files or not any(mount.path.is_relative_to(place) for place in _FOR_STICKS)
    }


def _parts(disk: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a disk and, recursively, all devices on it."""
    yield disk
    for child in disk.get("children", []):
        yield from _parts(child)


def _stick(part: dict[str, Any]) -> Stick:
    return Stick(
        device=part["name"],
        kind=part["fstype"],
        label=part["label"] or "",
        uuid=part["uuid"] or part["name"],
        size_mb=int(part["size"]) / (1 << 20),
    )
