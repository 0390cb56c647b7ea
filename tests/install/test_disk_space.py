"""Disks that become full: on a file system of a few MB, which only root can make."""

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
    """The root of a small file system."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


class Fills(Step):
    """Takes all room in ``folder``, as another program may at any time, and fails."""

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


def test_files_are_put_back_without_any_room(disk: Path) -> None:
    unit, before = disk / "lectern.service", os.urandom(1 << 19)
    unit.write_bytes(before)
    said: list[str] = []
    with pytest.raises(InstallError) as raised:
        run_steps([WriteFile(unit, b"new"), Fills(disk)], said.append, folders=[disk])
    assert unit.read_bytes() == before
    assert sorted(path.name for path in disk.iterdir()) == ["another's", "lectern.service"]
    assert said[-1] == "all changes were undone"
    assert str(raised.value) == (
        f"The disk of {disk} is full. The error was: The services do not run. "
        "Free some disk space and run the same command again."
    )


def test_nothing_is_begun_on_a_full_disk(disk: Path) -> None:
    with contextlib.suppress(InstallError):
        Fills(disk).do()
    with pytest.raises(InstallError, match=f"^The disk of {disk} is full. Free some disk space"):
        run_steps([WriteFile(disk / "unit", b"new")], lambda text: None, folders=[disk])
    assert not (disk / "unit").exists()


def test_what_has_changed_keeps_no_room(disk: Path) -> None:
    run_steps([WriteFile(disk / "unit", b"new")], lambda text: None, folders=[disk])
    assert [path.name for path in disk.iterdir()] == ["unit"]
    assert os.statvfs(disk).f_bfree * 4096 > (DISK_MB << 20) - (1 << 16)


def test_a_place_that_tells_nothing_keeps_nothing_from_being_taken_back(tmp_path: Path) -> None:
    unit, strange = tmp_path / "unit", tmp_path / ("x" * 300)  # a name that no disk can have
    steps = [WriteFile(unit, b"new"), RemoveTree(tmp_path / "none")]
    with pytest.raises(InstallError, match="No such file"):
        run_steps(steps, lambda text: None, folders=[tmp_path, strange])
    assert list(tmp_path.iterdir()) == []


def test_a_failure_with_room_left_keeps_its_own_words(disk: Path) -> None:
    error = InstallError("A wheel does not fit.", "Get another.")
    assert explain(error, [disk]) is error


def test_every_way_to_say_that_there_is_no_room(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="No space left") as of_the_system,
        open("/dev/full", "w") as f,
    ):
        f.write("x")
        f.flush()
    with contextlib.closing(sqlite3.connect(tmp_path / "queue.sqlite3")) as queue:
        queue.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.Error, match="full") as of_a_database:
            queue.execute("CREATE TABLE jobs (id)")
    with pytest.raises(InstallError, match="No space left") as of_a_command:
        run_command(["cp", __file__, "/dev/full"], {**os.environ, "LC_ALL": "C.UTF-8"})
    for raised in (of_the_system, of_a_database, of_a_command):
        assert str(explain(raised.value)) == (
            "The disk is full. Free some disk space and run the same command again."
        )


def test_other_errors_of_files_come_without_their_numbers(tmp_path: Path) -> None:
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
