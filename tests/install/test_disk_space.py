"""A disk that becomes full, on a small file system that only root can mount."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from install.disk_space import FULL_THRESHOLD_MB, explain
from install.errors import InstallError
from install.step import RemoveTree, Step, WriteFile, run_steps
from install.system import run_command

DISK_MB = 2 * FULL_THRESHOLD_MB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system and yield its root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class FillDisk(Step):
    """A step that fills the disk of ``folder``, as another program may do, and fails."""

    def __init__(self, folder: Path) -> None:
        super().__init__("fill")
        self._folder = folder

    def do(self) -> None:
        with (self._folder / "another's").open("wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 16))
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"0")
        raise InstallError("The services do not run.", "Read their log.")


def test_files_are_restored_on_a_full_disk(disk: Path) -> None:
    unit, before = disk / "lectern.service", os.urandom(1 << 19)
    unit.write_bytes(before)
    messages: list[str] = []
    with pytest.raises(InstallError) as raised:
        run_steps([WriteFile(unit, b"new"), FillDisk(disk)], messages.append, folders=[disk])
    assert unit.read_bytes() == before
    assert sorted(path.name for path in disk.iterdir()) == ["another's", "lectern.service"]
    assert messages[-1] == "all changes were undone"
    assert str(raised.value) == (
        f"The disk of {disk} is full. The error was: The services do not run. "
        "Free some disk space and run the same command again."
    )


def test_full_disk_is_rejected_before_the_first_step(disk: Path) -> None:
    with contextlib.suppress(InstallError):
        FillDisk(disk).do()
    with pytest.raises(InstallError, match=f"^The disk of {disk} is full. Free some disk space"):
        run_steps([WriteFile(disk / "unit", b"new")], lambda text: None, folders=[disk])
    assert not (disk / "unit").exists()


def test_reserved_space_is_released_at_the_end(disk: Path) -> None:
    run_steps([WriteFile(disk / "unit", b"new")], lambda text: None, folders=[disk])
    assert [path.name for path in disk.iterdir()] == ["unit"]
    assert os.statvfs(disk).f_bfree * 4096 > (DISK_MB << 20) - (1 << 16)


def test_unreadable_folder_does_not_prevent_the_undo(tmp_path: Path) -> None:
    unit, invalid = (
        tmp_path / "unit",
        tmp_path / ("x" * 300),
    )  # a name that is too long for any file system
    steps = [WriteFile(unit, b"new"), RemoveTree(tmp_path / "none")]
    with pytest.raises(InstallError, match="No such file"):
        run_steps(steps, lambda text: None, folders=[tmp_path, invalid])
    assert list(tmp_path.iterdir()) == []


def test_error_with_free_space_left_is_unchanged(disk: Path) -> None:
    error = InstallError("A wheel does not fit.", "Get another.")
    assert explain(error, [disk]) is error


def test_every_kind_of_disk_full_error_is_recognized(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left") as os_error,
        open("/dev/full", "w") as f,
    ):
        f.write("x")
        f.flush()
    with contextlib.closing(sqlite3.connect(tmp_path / "queue.sqlite3")) as queue:
        queue.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.Error, match="full") as database_error:
            queue.execute("CREATE TABLE jobs (id)")
    with pytest.raises(InstallError, match="No space left") as command_error:
        run_command(["cp", __file__, "/dev/full"], {**os.environ, "LC_ALL": "C.UTF-8"})
    for raised in (os_error, database_error, command_error):
        assert str(explain(raised.value)) == (
            "The disk is full. Free some disk space and run the same command again."
        )


def test_other_os_errors_are_shown_without_numbers(tmp_path: Path) -> None:
    with pytest.raises(OSError) as raised:
        (tmp_path / "none" / "file").read_bytes()
    assert str(explain(raised.value)) == (
        f"No such file or directory: {tmp_path}/none/file. "
        "Fix this problem and run the same command again."
    )
    closed = os.pipe()
    for end in closed:
        os.close(end)
    with pytest.raises(OSError) as raised:
        os.write(closed[1], b"x")
    assert str(explain(raised.value)).startswith("Bad file descriptor. Fix this")
