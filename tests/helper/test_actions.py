"""The helper's actions, its protocol and mounting, also of real file systems in image files."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.errors import BadInput, Fault
from appliance.helper.__main__ import import_new_drive, serve_request
from appliance.helper.actions import UsbHelper
from appliance.helper.request import DeviceRequest, DriveRequest, build_request, parse_request
from appliance.helper.service_user import ServiceUser
from appliance.helper.usb_drives import (
    UsbDrive,
    find_drives,
    mounted,
    other_mount_points,
    system_devices,
)
from appliance.tasks.helper_client import call_helper

LSBLK = {
    "blockdevices": [
        {"name": "nvme0n1", "tran": "nvme", "fstype": None, "label": None, "uuid": None, "size": 1,
         "maj:min": "259:0",
         "children": [{"name": "nvme0n1p1", "tran": "nvme", "fstype": "ext4", "label": None,
                       "uuid": "u", "size": 1, "maj:min": "259:1"}]},
        {"name": "sda", "tran": "usb", "fstype": None, "label": None, "uuid": None, "size": 9,
         "maj:min": "8:0",
         "children": [{"name": "sda1", "tran": None, "fstype": "vfat", "label": "LESSONS",
                       "uuid": "1234-ABCD", "size": 8_388_608, "maj:min": "8:1"},
                      {"name": "sda2", "tran": None, "fstype": None, "label": None,
                       "uuid": None, "size": 1, "maj:min": "8:2",
                       "children": [{"name": "secret", "tran": None, "fstype": "ext4",
                                     "label": None, "uuid": "x", "size": 1, "maj:min": "253:0"}]}]},
        {"name": "sdb", "tran": "usb", "fstype": "exfat", "label": None, "uuid": "99-88",
         "size": 1_048_576, "maj:min": "8:16"},
    ]
}  # fmt: skip


def request(action: str, *device: str) -> DeviceRequest | DriveRequest:
    """The request for ``action``, as the helper reads it from the socket."""
    return parse_request(build_request(action, dict(zip(["device"], device, strict=False))))


class FakeCommands:
    """Fake lsblk and mount; a drive is the folder ``top``, which is moved to its mount point."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.commands: list[list[str]] = []
        self.read_only = self.busy = False

    def __call__(self, command: Sequence[str]) -> str:
        self.commands.append(list(command))
        if command[0] == "lsblk":
            return json.dumps(LSBLK)
        if command[0] == "mount":
            if self.read_only and command[4].startswith("rw"):
                raise OSError("mount: /tmp/x: cannot mount /dev/sda1 read-write")
            os.rmdir(command[-1])
            self.top.rename(command[-1])
        if command[0] == "umount" and self.busy:
            raise OSError(f"umount: {command[-1]}: target is busy.")
        if command[0] == "umount":
            os.rename(command[-1], self.top)
            os.mkdir(command[-1])
        return ""


@pytest.fixture
def fake(tmp_path: Path) -> FakeCommands:
    (tmp_path / "drive").mkdir()
    return FakeCommands(tmp_path / "drive")


@pytest.fixture
def helper(tmp_path: Path, fake: FakeCommands) -> UsbHelper:
    for name in ("inbox", "outbox", "state"):
        (tmp_path / "root" / name).mkdir(parents=True)
    (tmp_path / "mountinfo").write_text("")
    return UsbHelper(
        tmp_path / "root",
        ServiceUser(os.getuid(), os.getgid()),
        tmp_path / "states",
        fake,
        tmp_path / "mountinfo",
    )


class TestDrives:
    def test_drives_are_the_file_systems_on_usb(self, fake: FakeCommands) -> None:
        assert find_drives(fake) == [
            UsbDrive("sda1", "vfat", "LESSONS", "1234-ABCD", 8.0),
            UsbDrive("sdb", "exfat", "", "99-88", 1.0),
        ]

    def test_drives_are_mounted_read_only_and_noexec(self, fake: FakeCommands) -> None:
        with mounted(find_drives(fake)[0], (7, 8), run=fake):
            pass
        options = fake.commands[1][4].split(",")
        assert {"ro", "nosuid", "nodev", "noexec", "uid=7", "gid=8"} <= set(options)
        assert fake.commands[-1][0] == "umount"

    def test_files_are_kept_if_unmounting_fails(self, fake: FakeCommands) -> None:
        (fake.top / "holiday.mp4").write_bytes(b"private")
        fake.busy = True
        with (
            pytest.raises(BadInput, match="usb_busy"),
            mounted(find_drives(fake)[0], (0, 0), writable=True, run=fake) as top,
        ):
            pass
        assert (top / "holiday.mp4").read_bytes() == b"private"
        shutil.rmtree(top)

    def test_unknown_file_system_is_rejected(self, fake: FakeCommands) -> None:
        with (
            pytest.raises(BadInput, match="usb_unreadable"),
            mounted(UsbDrive("sda1", "btrfs", "", "u", 1), (0, 0), run=fake),
        ):
            pass

    def test_mount_points_of_the_desktop_are_found(self) -> None:
        table = "36 35 8:1 / /media/some\\040one rw,nosuid shared:1 - vfat /dev/sda1 rw\n"
        drive = UsbDrive("sda1", "vfat", "", "u", 1)
        assert other_mount_points(drive, table) == ["/media/some one"]
        assert other_mount_points(UsbDrive("sda", "vfat", "", "u", 1), table) == []

    @pytest.mark.parametrize(
        ("line", "drives"),
        [
            ("36 35 8:2 / / rw - ext4 /dev/sda2 rw", ["sdb"]),
            ("36 35 8:1 / /boot/efi rw - vfat /dev/sda1 rw", ["sdb"]),
            ("36 35 253:0 / /home rw - ext4 /dev/mapper/secret rw", ["sdb"]),
            ("36 35 8:16 / /mnt/big rw - exfat /dev/sdb rw", ["sda1"]),
            ("36 35 8:16 / /mnt/other rw - exfat /dev/sdb rw", ["sda1", "sdb"]),
            ("36 35 8:1 / /media/ada/LESSONS rw - vfat /dev/sda1 rw", ["sda1", "sdb"]),
            ("36 35 259:1 / / rw - ext4 /dev/nvme0n1p1 rw", ["sda1", "sdb"]),
        ],
    )
    def test_system_disks_are_excluded(
        self, fake: FakeCommands, line: str, drives: list[str]
    ) -> None:
        system = system_devices(Path("/mnt/big/lectern"), line)
        assert [drive.device for drive in find_drives(fake, system)] == drives


class TestRequests:
    def test_list_drives(self, helper: UsbHelper) -> None:
        drives = helper.handle(request("usb_list"))["drives"]
        assert [(s["device"], s["label"], s["state"]) for s in drives] == [
            ("sda1", "LESSONS", "new"),
            ("sdb", "", "new"),
        ]

    def test_import_and_status(self, helper: UsbHelper, fake: FakeCommands) -> None:
        (fake.top / "talk.wav").write_bytes(b"sound")
        assert helper.handle(request("usb_import", "sda1")) == {"files": 1}
        assert (helper.root / "inbox/talk.wav").read_bytes() == b"sound"
        assert helper.handle(request("usb_list"))["drives"][0]["state"] == "safe"

    def test_export(self, helper: UsbHelper, fake: FakeCommands) -> None:
        (helper.root / "outbox/lesson.mp4").write_bytes(b"video")
        result = helper.handle(request("usb_export", "sda1"))
        assert result == {"files": 1, "skipped": []}
        assert (fake.top / "lectern/results/lesson.mp4").read_bytes() == b"video"

    def test_write_protected_drive_is_rejected(self, helper: UsbHelper, fake: FakeCommands) -> None:
        fake.read_only = True
        with pytest.raises(BadInput, match="usb_read_only"):
            helper.handle(request("usb_export", "sda1"))
        assert helper.handle(request("usb_list"))["drives"][0]["state"] == "failed"

    def test_eject(self, helper: UsbHelper) -> None:
        assert helper.handle(request("usb_eject", "sda1")) == {}
        helper.mount_table.write_text("36 35 8:1 / /media/x rw - vfat /dev/sda1 rw\n")
        with pytest.raises(BadInput, match="usb_busy"):
            helper.handle(request("usb_eject", "sda1"))

    def test_power_off(self, helper: UsbHelper, fake: FakeCommands) -> None:
        assert helper.handle(request("power_off")) == {}
        assert fake.commands == [["systemctl", "poweroff", "--no-block"]]

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"action": "usb_import", "device": "nvme0n1p1"}, "usb_not_found"),
            ({"action": "usb_export", "device": "sda2"}, "usb_not_found"),
            ({"action": "usb_import", "device": "../sda1"}, "helper_request_unknown"),
            ({"action": "format"}, "helper_request_unknown"),
            ({}, "helper_request_unknown"),
        ],
    )
    def test_other_requests_are_rejected(
        self, helper: UsbHelper, request_: dict[str, str], code: str
    ) -> None:
        with pytest.raises(BadInput, match=code):
            helper.handle(parse_request(json.dumps(request_).encode()))


class TestPlugIn:
    def test_folder_is_imported_and_results_are_exported(
        self, helper: UsbHelper, fake: FakeCommands
    ) -> None:
        (fake.top / "Lectern/Results").mkdir(parents=True)
        (fake.top / "Lectern/talk.txt").write_text("Good morning.")
        (fake.top / "holiday.mp4").write_bytes(b"private")
        (helper.root / "outbox/lesson.mp4").write_bytes(b"video")
        assert helper.on_plugged_in("sda1") == {"files": 1, "results": 1}
        assert os.listdir(helper.root / "inbox") == ["talk.txt"]
        assert os.listdir(fake.top / "Lectern/Results") == ["lesson.mp4"]

    def test_drive_is_safe_to_remove_only_after_both_steps(
        self, helper: UsbHelper, fake: FakeCommands, tmp_path: Path
    ) -> None:
        (fake.top / "lectern/results").mkdir(parents=True)
        seen = []

        def run(command: Sequence[str]) -> str:
            if command[0] in {"mount", "umount"}:
                seen.append(json.loads((tmp_path / "states/sda1.json").read_text())["state"])
            return fake(command)

        replace(helper, run=run).on_plugged_in("sda1")
        assert seen == ["copying"] * 4
        assert helper.list_drives()["drives"][0]["state"] == "safe"

    def test_drive_without_results_folder_is_not_written_to(
        self, helper: UsbHelper, fake: FakeCommands
    ) -> None:
        (fake.top / "lectern").mkdir()
        (helper.root / "outbox/lesson.mp4").write_bytes(b"video")
        assert helper.on_plugged_in("sda1") == {"files": 0}
        modes = [words[4].split(",")[0] for words in fake.commands if words[0] == "mount"]
        assert set(modes) == {"ro"}

    def test_drive_removed_at_once_is_an_error(self, helper: UsbHelper) -> None:
        assert import_new_drive(helper, "sdz1") == 1


# The helper has one thread; here it shares the process with the test's thread.
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
class TestConnection:
    @pytest.fixture
    def path(self, helper: UsbHelper, tmp_path: Path) -> Iterator[Path]:
        """A socket that serves one request, as systemd does with a process for each request."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            listener.listen()

            def serve_one() -> None:
                connection, _ = listener.accept()
                with (
                    connection,
                    connection.makefile("rb") as reading,
                    connection.makefile("wb") as writing,
                ):
                    serve_request(helper, reading, writing)

            thread = threading.Thread(target=serve_one)
            thread.start()
            yield tmp_path / "s"
            thread.join(30)

    def test_result_reaches_the_daemon(self, path: Path, fake: FakeCommands) -> None:
        (fake.top / "talk.wav").write_bytes(b"sound")
        assert call_helper("usb_import", {"device": "sda1"}, path=path) == {"files": 1}

    def test_fault_reaches_the_daemon_as_a_fault(
        self, path: Path, fake: FakeCommands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (fake.top / "talk.wav").write_bytes(b"sound")
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1))
        with pytest.raises(Fault) as caught:
            call_helper("usb_import", {"device": "sda1"}, path=path)
        assert caught.value.code == "disk_full"

    def test_error_reaches_the_daemon(self, path: Path) -> None:
        with pytest.raises(BadInput) as caught:
            call_helper("usb_import", {"device": "sdx1"}, path=path)
        assert (caught.value.code, caught.value.details) == ("usb_not_found", {"device": "sdx1"})

    @pytest.mark.parametrize("line", [b"", b"nonsense\n", b"[1]\n", b'{"action": ["x"]}\n'])
    def test_invalid_request_is_answered(self, helper: UsbHelper, line: bytes) -> None:
        out = io.BytesIO()
        serve_request(helper, io.BytesIO(line), out)
        assert json.loads(out.getvalue())["error"] in {"helper_request_unknown", "helper_failed"}


KERNEL = Path("/proc/filesystems").read_text().split()
FORMATS = {"vfat": ["mkfs.vfat"], "exfat": ["mkfs.exfat"], "ext4": ["mkfs.ext4", "-q"]}


@pytest.mark.skipif(os.getuid() != 0 or not Path("/dev/loop-control").exists(), reason="needs root")
@pytest.mark.parametrize("kind", FORMATS)
def test_real_file_system(kind: str, tmp_path: Path) -> None:
    if kind not in KERNEL:
        pytest.skip(f"this kernel has no {kind}")
    if shutil.which(FORMATS[kind][0], path="/usr/sbin:/sbin:/usr/bin") is None:
        pytest.skip(f"{FORMATS[kind][0]} is not installed")
    image = tmp_path / "drive.img"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run([*FORMATS[kind], str(image)], check=True, capture_output=True)
    attach = subprocess.run(
        ["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False
    )
    if attach.returncode != 0:
        pytest.skip("no loop device is free")
    device = attach.stdout.strip()
    try:
        drive = UsbDrive(Path(device).name, kind, "", "u", 32)
        with mounted(drive, (0, 0), writable=True) as top:
            (top / "talk.wav").write_bytes(b"sound")
        with mounted(drive, (0, 0)) as top:
            assert (top / "talk.wav").read_bytes() == b"sound"
            with pytest.raises(OSError, match="Read-only"):
                (top / "more").touch()
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
