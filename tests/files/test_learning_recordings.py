"""Recordings for learning belong to a presenter of the library, and to no other file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from appliance.files.learning_recordings import (
    delete_recording,
    find_recording,
    store_recording,
)


@pytest.fixture
def presenter(tmp_path: Path) -> Path:
    path = tmp_path / "presenters" / "Wang Li.mp4"
    path.parent.mkdir()
    path.write_bytes(b"clip")
    return path


def test_is_found_by_name_regardless_of_case_and_type(tmp_path: Path, presenter: Path) -> None:
    assert find_recording(tmp_path, presenter) is None
    folder = presenter.parent / "learning"
    folder.mkdir()
    (folder / "other.mp4").touch()
    (folder / "Wang Li.jpg").touch()  # a photo teaches nothing
    assert find_recording(tmp_path, presenter) is None
    (folder / "wang li.MOV").touch()
    assert find_recording(tmp_path, presenter) == folder / "wang li.MOV"


def test_clips_outside_of_the_library_have_none(tmp_path: Path, presenter: Path) -> None:
    folder = tmp_path / "inbox" / "learning"
    folder.mkdir(parents=True)
    (folder / "Wang Li.mp4").touch()
    assert find_recording(tmp_path, folder.parent / "Wang Li.mp4") is None


def test_a_new_one_replaces_the_earlier_one_of_any_type(tmp_path: Path, presenter: Path) -> None:
    for suffix, data in ((".mov", b"one"), (".mp4", b"two"), (".mp4", b"three")):
        stored = store_recording(tmp_path, presenter, partial(_write, data), suffix)
        assert find_recording(tmp_path, presenter) == stored and stored.read_bytes() == data
        assert [path.name for path in stored.parent.iterdir()] == [f"Wang Li{suffix}"]
    delete_recording(tmp_path, presenter)
    delete_recording(tmp_path, presenter)
    assert find_recording(tmp_path, presenter) is None


def test_a_failed_copy_keeps_the_earlier_one(tmp_path: Path, presenter: Path) -> None:
    stored = store_recording(tmp_path, presenter, partial(_write, b"one"), ".mp4")

    def fail(path: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store_recording(tmp_path, presenter, fail, ".mp4")
    assert stored.read_bytes() == b"one"


def _write(data: bytes, path: Path) -> None:
    path.write_bytes(data)
