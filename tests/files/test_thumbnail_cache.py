"""Presenters' pictures find their presenter again, wherever it goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.files.thumbnail_cache import MAX_THUMBNAIL_BYTES, ThumbnailCache


@pytest.fixture
def presenter(tmp_path: Path) -> Path:
    path = tmp_path / "p.mp4"
    path.write_bytes(b"video")
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "p.jpg"
    path.write_bytes(b"\xff\xd8\xff face")
    return path


def test_it_goes_along_when_the_file_is_moved_or_linked(
    tmp_path: Path, presenter: Path, picture: Path
) -> None:
    kept = ThumbnailCache(tmp_path / "box")
    assert kept.get(presenter) is None
    kept.put(presenter, picture)
    os.link(presenter, tmp_path / "q.mp4")
    moved = presenter.rename(tmp_path / "done.mp4")
    for path in (moved, tmp_path / "q.mp4"):
        found = kept.get(path)
        assert found is not None and found.read_bytes() == picture.read_bytes()


def test_another_file_under_the_name_has_none(
    tmp_path: Path, presenter: Path, picture: Path
) -> None:
    kept = ThumbnailCache(tmp_path / "box")
    kept.put(presenter, picture)
    presenter.write_bytes(b"another video")
    assert kept.get(presenter) is None
    presenter.unlink()
    assert kept.get(presenter) is None


def test_what_cannot_be_kept_is_no_trouble(tmp_path: Path, presenter: Path, picture: Path) -> None:
    kept = ThumbnailCache(tmp_path / "box")
    kept.put(presenter, tmp_path / "missing.jpg")
    kept.put(tmp_path / "missing.mp4", picture)
    os.truncate(picture, MAX_THUMBNAIL_BYTES + 1)
    kept.put(presenter, picture)
    assert kept.get(presenter) is None
    (tmp_path / "box" / "cache").mkdir(parents=True, exist_ok=True)
    (tmp_path / "box" / "cache" / "thumbnails").write_text("a file")
    kept.put(presenter, picture)


def test_the_oldest_make_room(tmp_path: Path, picture: Path) -> None:
    kept = ThumbnailCache(tmp_path / "box", max_count=2)
    people = [tmp_path / f"{number}.mp4" for number in range(3)]
    for number, path in enumerate(people):
        path.write_bytes(bytes(number + 1))
        kept.put(path, picture)
        found = kept.get(path)
        assert found is not None
        os.utime(found, (number, number))
    assert [kept.get(path) is not None for path in people] == [False, True, True]
