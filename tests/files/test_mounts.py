"""Tests of parsing the kernel's list of mounts and of detecting unreliable file events."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.files.mounts import MOUNTINFO, events_unreliable, find_mount, read_mounts

LIST = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw
30 21 0:40 / /srv/class\\040room rw - cifs //school/box\\040share rw,vers=3.0
31 21 8:17 / /media/usb rw,nosuid shared:5 master:2 - vfat /dev/sdb1 rw
32 21 0:41 / /mnt/phone rw - fuse.jmtpfs jmtpfs rw
33 21 0:42 / /mnt/ntfs rw - fuseblk /dev/sdc1 rw
34 31 0:43 / /media/usb/deep rw - nfs4 server:/x rw
35 30 0:44 / /srv/class\\040room rw - ext4 /dev/sdd1 rw
an invalid line
"""


def test_escapes_and_any_number_of_options_are_parsed() -> None:
    mounts = read_mounts(LIST)
    assert len(mounts) == 7
    assert (mounts[1].path, mounts[1].source) == (Path("/srv/class room"), "//school/box share")
    assert mounts[2].fs_type == "vfat"


@pytest.mark.parametrize(
    ("folder", "number"),
    [("/srv/other", 21), ("/media/usb/x/y", 31), ("/media/usb2", 21), ("/mnt/phone", 32)],
)
def test_innermost_mount_is_found(folder: str, number: int) -> None:
    found = find_mount(Path(folder), read_mounts(LIST))
    assert found is not None and found.mount_id == number


def test_later_of_two_mounts_at_one_mount_point_is_found() -> None:
    found = find_mount(Path("/srv/class room/inbox"), read_mounts(LIST))
    assert found is not None and found.fs_type == "ext4"


@pytest.mark.parametrize(
    ("folder", "unreliable"),
    [
        ("/home/x", False),
        ("/media/usb/deep/x", True),
        ("/media/usb/other", False),
        ("/media/usb", True),  # a share is mounted below it
        ("/mnt/phone/DCIM", True),
        ("/mnt/ntfs", True),
    ],
)
def test_events_are_unreliable_on_shares_and_fuse(folder: str, unreliable: bool) -> None:
    assert events_unreliable(Path(folder), read_mounts(LIST)) is unreliable


def test_events_are_unreliable_for_an_unknown_mount() -> None:
    assert events_unreliable(Path("/home"), [])


def test_list_of_this_machine_is_parsed() -> None:
    root = find_mount(Path("/proc/self"), read_mounts(MOUNTINFO.read_text()))
    assert root is not None and root.fs_type == "proc"
