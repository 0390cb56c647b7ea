"""A file has its name when it is whole, not before."""

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


def test_the_part_is_hidden_and_in_the_same_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    assert temp_path(path).parent == tmp_path
    assert temp_path(path).name.startswith(".")


def test_bytes_and_name_are_synced_in_that_order(
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
def test_the_longest_names_have_a_part_too(name: str, tmp_path: Path) -> None:
    path, other = tmp_path / name, tmp_path / ("b" + name[1:])
    assert temp_path(path) != temp_path(other)
    assert temp_path(path).name.startswith(".")
    temp_path(path).write_bytes(b"new")
    commit(path)
    assert os.listdir(tmp_path) == [name]
    discard_temp(path)


class TestWriting:
    def test_a_file_is_replaced_and_nothing_else_is_left(self, tmp_path: Path) -> None:
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

    def test_the_old_file_remains_after_a_failure(
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

    def test_processes_that_share_a_file_have_separate_temporary_files(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.json"
        temp_path(path).write_bytes(b"of another process")
        write_bytes(path, b"new", shared=True)
        assert path.read_bytes() == b"new"
        assert temp_path(path).exists()
        assert temp_path(path) != temp_path(path, shared=True)


def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
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


_AS_NOBODY = """
import os, sys
from pathlib import Path
from appliance.errors import BadInput
from appliance.files.atomic import check_writable

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
for word in sys.argv[1:]:
    how, _, path = word.partition(":")
    try:
        check_writable(Path(path), in_place=how == "in_place")
        print("may")
    except BadInput as error:
        print(error.code, error.details["reason"])
"""


def tried(*words: str, run_in: Path) -> list[str]:
    """What somebody who is not root hears of each target."""
    result = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, *words],
        capture_output=True, text=True, check=True, cwd=run_in,
    )  # fmt: skip
    return result.stdout.splitlines()


@pytest.fixture
def open_way(tmp_path: Path) -> Path:
    """A folder that others can get to (pytest's own are for its user alone)."""
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
class TestRights:
    def test_a_folder_that_one_may_not_write_to(self, open_way: Path, project: Path) -> None:
        (open_way / "old.json").write_text("old")
        words = [
            f"{how}:{open_way}/{name}" for how in ("", "in_place") for name in ("a", "old.json")
        ]
        no = "output_unwritable Permission denied"
        assert tried(*words, run_in=project) == [no] * 4
        (open_way / "old.json").chmod(0o666)
        assert tried(*words, run_in=project) == [no, no, no, "may"]
        open_way.chmod(0o777)
        assert tried(*words, run_in=project) == ["may"] * 4
        assert [path.name for path in open_way.iterdir()] == ["old.json"]
        assert (open_way / "old.json").read_text() == "old"

    def test_anothers_file_in_a_folder_for_all(self, open_way: Path, project: Path) -> None:
        (open_way / "old.mp4").touch()
        open_way.chmod(0o1777)
        words = [f":{open_way}/old.mp4", f":{open_way}/new.mp4"]
        no = "output_unwritable Operation not permitted"
        assert tried(*words, run_in=project) == [no, "may"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe", in_place=True)
    with pytest.raises(BadInput) as raised:
        check_writable(tmp_path / "pipe")
    assert raised.value.code == "output_unwritable"


def test_a_file_system_that_is_read_only(tmp_path: Path) -> None:
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


def test_a_link_to_what_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "report.json").symlink_to(tmp_path / "later.json")
    check_writable(tmp_path / "report.json", in_place=True)
    assert not (tmp_path / "later.json").exists()


def test_discard_twice(tmp_path: Path) -> None:
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
def test_errors_of_the_disk_become_faults(tmp_path: Path, number: int, code: str) -> None:
    with pytest.raises(Fault) as caught, translate_write_errors(tmp_path / "a.mp4"):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code
    assert "a.mp4" in str(caught.value)


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(KeyError), translate_write_errors(tmp_path / "a.mp4"):
        raise KeyError("ours")
