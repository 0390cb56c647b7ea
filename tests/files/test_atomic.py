"""Tests of writing files atomically, and of checking targets before the work."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from appliance.files.atomic import (
    check_writable,
    commit,
    discard_temp,
    temp_path,
    translate_write_errors,
    write_bytes,
    write_text,
)


def test_temporary_file_is_hidden_and_in_the_same_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    assert temp_path(path).parent == tmp_path
    assert temp_path(path).name.startswith(".")


def test_commit_syncs_the_data_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    temp_path(path).write_bytes(b"new")
    path.write_bytes(b"old")
    seen = []
    sync = os.fsync

    def noted(handle: int) -> None:
        seen.append((Path(os.readlink(f"/proc/self/fd/{handle}")).name, path.read_bytes()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    commit(path)
    assert seen == [(temp_path(path).name, b"old"), (tmp_path.name, b"new")]
    assert not temp_path(path).exists()


@pytest.mark.parametrize("name", ["a" * 251 + ".mp4", "讲" * 83 + ".mp4"])
def test_longest_names_have_a_temporary_file(name: str, tmp_path: Path) -> None:
    path, other = tmp_path / name, tmp_path / ("b" + name[1:])
    assert temp_path(path) != temp_path(other)
    assert temp_path(path).name.startswith(".")
    temp_path(path).write_bytes(b"new")
    commit(path)
    assert os.listdir(tmp_path) == [name]
    discard_temp(path)


class TestWriting:
    def test_existing_file_is_replaced_and_nothing_else_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        write_text(path, "old")
        temp_path(path).write_bytes(b"from a crash, longer than the text")
        write_text(path, "课程 \udcff", errors="surrogateescape")
        assert path.read_bytes() == "课程 ".encode() + b"\xff"
        assert os.listdir(tmp_path) == ["a.json"]

    def test_permissions_are_set_before_the_content_is_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, modes = tmp_path / "key.pem", []
        fchmod = os.fchmod

        def observe(handle: int, mode: int) -> None:
            fchmod(handle, mode)
            assert os.fstat(handle).st_size == 0
            modes.append(mode)

        monkeypatch.setattr(os, "fchmod", observe)
        write_bytes(path, b"secret", mode=0o600)
        assert modes == [0o600]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_old_file_remains_after_a_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(handle: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        path = tmp_path / "a.json"
        path.write_text("old")
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            write_text(path, "new")
        assert path.read_text() == "old"
        assert os.listdir(tmp_path) == ["a.json"]

    def test_processes_sharing_a_file_use_separate_temporary_files(self, tmp_path: Path) -> None:
        path = tmp_path / "a.json"
        temp_path(path).write_bytes(b"of another process")
        write_bytes(path, b"new", shared=True)
        assert path.read_bytes() == b"new"
        assert temp_path(path).exists()
        assert temp_path(path) != temp_path(path, shared=True)


def test_unwritable_target_is_rejected_before_the_work(tmp_path: Path) -> None:
    check_writable(tmp_path / "new.mp4")
    (tmp_path / "old.mp4").touch()
    check_writable(tmp_path / "old.mp4")
    for path, code in (
        (tmp_path, "output_is_folder"),
        (tmp_path / "old.mp4" / "a.mp4", "output_unwritable"),
        (tmp_path / "none" / "a.mp4", "output_unwritable"),
        (tmp_path / ("a" * 256), "output_unwritable"),
    ):
        with pytest.raises(BadInput) as raised:
            check_writable(path)
        assert raised.value.code == code


_AS_OTHER_USER = """
import os, sys
from pathlib import Path
from appliance.errors import BadInput
from appliance.files.atomic import check_writable

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
for target in sys.argv[1:]:
    how, _, path = target.partition(":")
    try:
        check_writable(Path(path), in_place=how == "in_place")
        print("ok")
    except BadInput as error:
        print(error.code, error.details["reason"])
"""


def check_as_other_user(*targets: str, run_in: Path) -> list[str]:
    """Return the result of :func:`check_writable` for each target, as a user other than root."""
    result = subprocess.run(
        [sys.executable, "-c", _AS_OTHER_USER, *targets],
        capture_output=True, text=True, check=True, cwd=run_in,
    )  # fmt: skip
    return result.stdout.splitlines()


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that other users can open; those of pytest are restricted to its user."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
class TestRights:
    def test_folder_without_write_permission_is_rejected(
        self, open_folder: Path, project: Path
    ) -> None:
        (open_folder / "old.json").write_text("old")
        targets = [
            f"{how}:{open_folder}/{name}" for how in ("", "in_place") for name in ("a", "old.json")
        ]
        no = "output_unwritable Permission denied"
        assert check_as_other_user(*targets, run_in=project) == [no] * 4
        (open_folder / "old.json").chmod(0o666)
        assert check_as_other_user(*targets, run_in=project) == [no, no, no, "ok"]
        open_folder.chmod(0o777)
        assert check_as_other_user(*targets, run_in=project) == ["ok"] * 4
        assert [path.name for path in open_folder.iterdir()] == ["old.json"]
        assert (open_folder / "old.json").read_text() == "old"

    def test_file_of_another_user_in_a_sticky_folder_is_rejected(
        self, open_folder: Path, project: Path
    ) -> None:
        (open_folder / "old.mp4").touch()
        open_folder.chmod(0o1777)
        targets = [f":{open_folder}/old.mp4", f":{open_folder}/new.mp4"]
        no = "output_unwritable Operation not permitted"
        assert check_as_other_user(*targets, run_in=project) == [no, "ok"]


def test_pipe_can_be_written_but_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe", in_place=True)
    with pytest.raises(BadInput) as raised:
        check_writable(tmp_path / "pipe")
    assert raised.value.code == "output_unwritable"


def test_read_only_file_system_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    steps = (["--bind", str(tmp_path), str(tmp_path)], ["-o", "remount,ro,bind", str(tmp_path)])
    if os.geteuid() != 0 or subprocess.run(["mount", *steps[0]], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run(["mount", *steps[1]], check=True)
        for name, in_place in (("new.json", True), ("old.json", True), ("old.json", False)):
            with pytest.raises(BadInput) as raised:
                check_writable(tmp_path / name, in_place=in_place)
            assert raised.value.code == "output_unwritable"
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_link_to_a_missing_file_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "report.json").symlink_to(tmp_path / "later.json")
    check_writable(tmp_path / "report.json", in_place=True)
    assert not (tmp_path / "later.json").exists()


def test_discarding_twice_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    temp_path(path).touch()
    discard_temp(path)
    discard_temp(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EFBIG, "file_too_large"),
        (errno.EIO, "encoder_failed"),
        (errno.EROFS, "encoder_failed"),
    ],
)
def test_disk_errors_become_faults(tmp_path: Path, number: int, code: str) -> None:
    with pytest.raises(Fault) as caught, translate_write_errors(tmp_path / "a.mp4"):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code
    assert "a.mp4" in str(caught.value)


def test_other_errors_are_unchanged(tmp_path: Path) -> None:
    with pytest.raises(KeyError), translate_write_errors(tmp_path / "a.mp4"):
        raise KeyError("ours")
