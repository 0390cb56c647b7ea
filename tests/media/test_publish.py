"""A file has its name when it is whole, not before."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from appliance.errors import Fault
from appliance.media.publish import discard, part_of, publish, write_faults


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
