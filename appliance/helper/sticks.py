"""Which USB sticks are plugged in, and mounting one for as long as it is needed."""

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
"""Runs a command; its standard output, or ``OSError`` with its last words."""

_SAFE = "nosuid,nodev,noexec"
# File systems without owners are mounted as the services' user's own.
_OWNED = "uid={uid},gid={gid},umask=0022"
_KINDS = {
    "vfat": ("vfat", f"{_SAFE},{_OWNED},iocharset=utf8,flush"),
    "exfat": ("exfat", f"{_SAFE},{_OWNED},iocharset=utf8"),
    "ntfs": ("ntfs3", f"{_SAFE},{_OWNED}"),
    "ext2": ("ext4", _SAFE),
    "ext3": ("ext4", _SAFE),
    "ext4": ("ext4", _SAFE),
}
# Where desktops and people mount what is plugged in, and this helper for a while.
_FOR_STICKS = tuple(Path(place) for place in ("/media", "/run/media", "/mnt", "/tmp"))


@dataclass(frozen=True)
class Stick:
    """A file system on a USB device: ``device`` is the kernel's name, ``sda1``."""

    device: str
    kind: str
    label: str
    uuid: str
    size_mb: float


def run_command(command: Sequence[str]) -> str:
    """The real :data:`Run`."""
    result = subprocess.run(list(command), capture_output=True, text=True, check=False)
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or [f"{command[0]} failed"]
        raise OSError(said[-1])
    return result.stdout


def find_sticks(run: Run = run_command, own: Collection[str] = ()) -> list[Stick]:
    """All file systems on USB devices, in the order of their names.

    Nothing of a disk with one of the device numbers ``own`` (see :func:`own_devices`): many a box
    runs from a USB disk.
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
    """The stick called ``device``. Raises ``BadInput("usb_missing")``."""
    for stick in find_sticks(run, own):
        if stick.device == device:
            return stick
    raise BadInput("usb_missing", device=device)


@contextmanager
def mounted(
    stick: Stick, owner: tuple[int, int], *, writable: bool = False, run: Run = run_command
) -> Iterator[Path]:
    """The folder of ``stick``, in this process's own mount namespace, for the ``with`` block.

    ``owner`` (user, group) has the files of a file system that knows no owners. Raises
    ``BadInput``: ``usb_unreadable``, ``usb_read_only`` for one that cannot be written to, and
    ``usb_busy`` for one that cannot be unmounted.
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
                run(["umount", folder])  # returns when all is written
            except OSError as error:
                raise BadInput("usb_busy", device=name) from error
    finally:
        # Never what is in it: where the stick could not be unmounted, that is the stick's.
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def mounts_elsewhere(stick: Stick, table: str) -> list[str]:
    """Where else the box has ``stick`` mounted, by ``/proc/1/mountinfo``'s text ``table``."""
    source = f"/dev/{stick.device}"
    return [str(mount.path) for mount in read_mounts(table) if mount.source == source]


def own_devices(root: Path, table: str) -> set[str]:
    """The device numbers (``8:1``) that the box runs from, or keeps its files in ``root`` on, by
    ``/proc/1/mountinfo``'s text ``table``: all that is not mounted where people mount sticks."""
    mounts = read_mounts(table)
    files = mount_of(root, mounts)
    return {
        mount.device
        for mount in mounts
        if mount == files or not any(mount.path.is_relative_to(place) for place in _FOR_STICKS)
    }


def _parts(disk: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A disk and all that lies on it, whatever lies in between."""
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
