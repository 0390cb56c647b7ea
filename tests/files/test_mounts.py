"""The kernel's list of mounts, and which file systems change without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.files.mounts import MOUNTINFO, events_unreliable, find_mount, read_mounts

LIST = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw
30 21 0:40 / /srv/class\\040room rw - cifs //school/box\\040share rw,vers=3.0
31 21 8:17 / /media/stick rw,nosuid shared:5 master:2 - vfat /dev/sdb1 rw
32 21 0:41 / /mnt/phone rw - fuse.jmtpfs jmtpfs rw
33 21 0:42 / /mnt/ntfs rw - fuseblk /dev/sdc1 rw
34 31 0:43 / /media/stick/deep rw - nfs4 server:/x rw
35 30 0:44 / /srv/class\\040room rw - ext4 /dev/sdd1 rw
a line that is none
"""


def test_fields_with_escapes_and_options_of_any_number() -> None:
    mounts = read_mounts(LIST)
    assert len(mounts) == 7
    assert (mounts[1].path, mounts[1].source) == (Path("/srv/class room"), "//school/box share")
    assert mounts[2].fs_type == "vfat"


@pytest.mark.parametrize(
    ("folder", "number"),
    [("/srv/other", 21), ("/media/stick/x/y", 31), ("/media/sticky", 21), ("/mnt/phone", 32)],
)
def test_a_folder_lies_on_the_innermost_mount(folder: str, number: int) -> None:
    found = find_mount(Path(folder), read_mounts(LIST))
    assert found is not None and found.mount_id == number


def test_of_two_at_one_place_the_later_one_is_seen() -> None:
    found = find_mount(Path("/srv/class room/inbox"), read_mounts(LIST))
    assert found is not None and found.fs_type == "ext4"


@pytest.mark.parametrize(
    ("folder", "silent"),
    [
        ("/home/x", False),
        ("/media/stick/deep/x", True),
        ("/media/stick/other", False),
        ("/media/stick", True),  # a share lies below it
        ("/mnt/phone/DCIM", True),
        ("/mnt/ntfs", True),
    ],
)
def test_shares_and_fuse_are_silent(folder: str, silent: bool) -> None:
    assert events_unreliable(Path(folder), read_mounts(LIST)) is silent


def test_nobody_knows_without_a_list() -> None:
    assert events_unreliable(Path("/home"), [])


def test_this_machine_has_one() -> None:
    root = find_mount(Path("/proc/self"), read_mounts(MOUNTINFO.read_text()))
    assert root is not None and root.fs_type == "proc"
