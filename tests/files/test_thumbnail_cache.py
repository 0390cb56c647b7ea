"""Tests of the thumbnail cache."""

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
def thumbnail(tmp_path: Path) -> Path:
    path = tmp_path / "p.jpg"
    path.write_bytes(b"\xff\xd8\xff face")
    return path


def test_thumbnail_is_found_after_the_file_was_moved_or_linked(
    tmp_path: Path, presenter: Path, thumbnail: Path
) -> None:
    cache = ThumbnailCache(tmp_path / "box")
    assert cache.get(presenter) is None
    cache.put(presenter, thumbnail)
    os.link(presenter, tmp_path / "q.mp4")
    moved = presenter.rename(tmp_path / "done.mp4")
    for path in (moved, tmp_path / "q.mp4"):
        found = cache.get(path)
        assert found is not None and found.read_bytes() == thumbnail.read_bytes()


def test_replaced_file_has_no_thumbnail(tmp_path: Path, presenter: Path, thumbnail: Path) -> None:
    cache = ThumbnailCache(tmp_path / "box")
    cache.put(presenter, thumbnail)
    presenter.write_bytes(b"another video")
    assert cache.get(presenter) is None
    presenter.unlink()
    assert cache.get(presenter) is None


def test_errors_while_storing_are_ignored(tmp_path: Path, presenter: Path, thumbnail: Path) -> None:
    cache = ThumbnailCache(tmp_path / "box")
    cache.put(presenter, tmp_path / "missing.jpg")
    cache.put(tmp_path / "missing.mp4", thumbnail)
    os.truncate(thumbnail, MAX_THUMBNAIL_BYTES + 1)
    cache.put(presenter, thumbnail)
    assert cache.get(presenter) is None
    (tmp_path / "box" / "cache").mkdir(parents=True, exist_ok=True)
    (tmp_path / "box" / "cache" / "thumbnails").write_text("a file")
    cache.put(presenter, thumbnail)


def test_oldest_thumbnail_is_deleted_beyond_the_limit(tmp_path: Path, thumbnail: Path) -> None:
    cache = ThumbnailCache(tmp_path / "box", max_count=2)
    presenters = [tmp_path / f"{number}.mp4" for number in range(3)]
    for number, path in enumerate(presenters):
        path.write_bytes(bytes(number + 1))
        cache.put(path, thumbnail)
        found = cache.get(path)
        assert found is not None
        os.utime(found, (number, number))
    assert [cache.get(path) is not None for path in presenters] == [False, True, True]
