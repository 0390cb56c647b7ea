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
from appliance.files.mounts import find_mount, read_mounts

CommandRunner = Callable[[Sequence[str]], str]
"""Runs a command and returns its standard output; see :func:`run_command`."""

_MOUNT_OPTIONS = "nosuid,nodev,noexec"
# On file systems without owners, the files belong to the services' user.
_OWNER_OPTIONS = "uid={uid},gid={gid},umask=0022"
_FILESYSTEMS = {
    "vfat": ("vfat", f"{_MOUNT_OPTIONS},{_OWNER_OPTIONS},iocharset=utf8,flush"),
    "exfat": ("exfat", f"{_MOUNT_OPTIONS},{_OWNER_OPTIONS},iocharset=utf8"),
    "ntfs": ("ntfs3", f"{_MOUNT_OPTIONS},{_OWNER_OPTIONS}"),
    "ext2": ("ext4", _MOUNT_OPTIONS),
    "ext3": ("ext4", _MOUNT_OPTIONS),
    "ext4": ("ext4", _MOUNT_OPTIONS),
}
# Folders in which desktops, users and this helper mount USB drives.
_USB_MOUNT_FOLDERS = tuple(Path(folder) for folder in ("/media", "/run/media", "/mnt", "/tmp"))


@dataclass(frozen=True)
class UsbDrive:
    """A file system on a USB drive.

    ``device`` is the kernel's name (``sda1``), ``fs_type`` the type of the file system and
    ``size_mb`` its size in MiB. ``uuid`` is the device name if the file system has no UUID.
    """

    device: str
    fs_type: str
    label: str
    uuid: str
    size_mb: float


def run_command(command: Sequence[str]) -> str:
    """Run a command and return its standard output; the default :data:`CommandRunner`.

    Raises ``OSError`` with the last line of its standard error if the command fails.
    """
    result = subprocess.run(list(command), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        errors = result.stderr.strip().splitlines() or [f"{command[0]} failed"]
        raise OSError(errors[-1])
    return result.stdout


def find_drives(run: CommandRunner = run_command, system: Collection[str] = ()) -> list[UsbDrive]:
    """Return all file systems on USB drives, sorted by device name.

    Disks with one of the device numbers ``system`` (see :func:`system_devices`) are excluded:
    Lectern itself may run from a USB disk.
    """
    columns = "NAME,TRAN,FSTYPE,LABEL,UUID,SIZE,MAJ:MIN"
    tree = json.loads(run(["lsblk", "--json", "--bytes", "--output", columns]))
    found = [
        _drive_from_lsblk(part)
        for disk in tree["blockdevices"]
        if disk["tran"] == "usb"
        and not any(part["maj:min"] in system for part in _walk_devices(disk))
        for part in [disk, *disk.get("children", [])]
        if part["fstype"]
    ]
    return sorted(found, key=lambda drive: drive.device)


def find_drive(
    device: str, run: CommandRunner = run_command, system: Collection[str] = ()
) -> UsbDrive:
    """Return the USB drive with the device name ``device``.

    Raises ``BadInput("usb_not_found")``.
    """
    for drive in find_drives(run, system):
        if drive.device == device:
            return drive
    raise BadInput("usb_not_found", device=device)


@contextmanager
def mounted(
    drive: UsbDrive,
    owner: tuple[int, int],
    *,
    writable: bool = False,
    run: CommandRunner = run_command,
) -> Iterator[Path]:
    """Mount ``drive`` for a ``with`` block and return the mount point.

    It is mounted in the mount namespace of this process. On a file system without owners, the files
    belong to ``owner`` (user ID, group ID). Raises ``BadInput``: ``usb_unreadable``,
    ``usb_read_only`` if it cannot be mounted ``writable``, and ``usb_busy`` if it cannot be
    unmounted.
    """
    if drive.fs_type not in _FILESYSTEMS:
        raise BadInput("usb_unreadable", device=drive.label or drive.device, reason=drive.fs_type)
    kind, options = _FILESYSTEMS[drive.fs_type]
    options = options.format(uid=owner[0], gid=owner[1])
    name = drive.label or drive.device
    folder = tempfile.mkdtemp(prefix="lectern-usb-")
    try:
        command = ["mount", "-t", kind, "-o", f"{'rw' if writable else 'ro'},{options}"]
        try:
            run([*command, f"/dev/{drive.device}", folder])
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


def other_mount_points(drive: UsbDrive, mountinfo: str) -> list[str]:
    """Return the other mount points of ``drive``; ``mountinfo`` is ``/proc/1/mountinfo``."""
    source = f"/dev/{drive.device}"
    return [str(mount.path) for mount in read_mounts(mountinfo) if mount.source == source]


def system_devices(root: Path, mountinfo: str) -> set[str]:
    """Return the device numbers (``8:1``) of the system disks and of the disk that holds ``root``.

    ``mountinfo`` is the text of ``/proc/1/mountinfo``. System disks are all that are not mounted in
    one of the folders for USB drives.
    """
    mounts = read_mounts(mountinfo)
    root_mount = find_mount(root, mounts)
    return {
        mount.device_number
        for mount in mounts
        if mount == root_mount
        or not any(mount.path.is_relative_to(folder) for folder in _USB_MOUNT_FOLDERS)
    }


def _walk_devices(disk: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a disk and, recursively, all devices on it."""
    yield disk
    for child in disk.get("children", []):
        yield from _walk_devices(child)


def _drive_from_lsblk(part: dict[str, Any]) -> UsbDrive:
    return UsbDrive(
        device=part["name"],
        fs_type=part["fstype"],
        label=part["label"] or "",
        uuid=part["uuid"] or part["name"],
        size_mb=int(part["size"]) / (1 << 20),
    )
