"""A file has its name when it is whole, not before."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from appliance.media.publish import check_target, discard, part_of, publish, write_faults


def test_the_part_is_hidden_and_in_the_same_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    assert part_of(path).parent == tmp_path
    assert part_of(path).name.startswith(".")


def test_bytes_and_name_are_synced_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    part_of(path).write_bytes(b"new")
    path.write_bytes(b"old")
    seen = []
    sync = os.fsync

    def noted(handle: int) -> None:
        seen.append((Path(os.readlink(f"/proc/self/fd/{handle}")).name, path.read_bytes()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    publish(path)
    assert seen == [(part_of(path).name, b"old"), (tmp_path.name, b"new")]
    assert not part_of(path).exists()


@pytest.mark.parametrize("name", ["a" * 251 + ".mp4", "讲" * 83 + ".mp4"])
def test_the_longest_names_have_a_part_too(name: str, tmp_path: Path) -> None:
    path, other = tmp_path / name, tmp_path / ("b" + name[1:])
    assert part_of(path) != part_of(other)
    assert part_of(path).name.startswith(".")
    part_of(path).write_bytes(b"new")
    publish(path)
    assert os.listdir(tmp_path) == [name]
    discard(path)


def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    check_target(tmp_path / "new.mp4")
    (tmp_path / "old.mp4").touch()
    check_target(tmp_path / "old.mp4")
    for path, code in (
        (tmp_path, "output_exists_folder"),
        (tmp_path / "old.mp4" / "a.mp4", "output_unwritable"),
        (tmp_path / "none" / "a.mp4", "output_unwritable"),
        (tmp_path / ("a" * 256), "output_unwritable"),
    ):
        with pytest.raises(BadInput) as raised:
            check_target(path)
        assert raised.value.code == code


def test_discard_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    part_of(path).touch()
    discard(path)
    discard(path)
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
    with pytest.raises(Fault) as caught, write_faults(tmp_path / "a.mp4"):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code
    assert "a.mp4" in str(caught.value)


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(KeyError), write_faults(tmp_path / "a.mp4"):
        raise KeyError("ours")
