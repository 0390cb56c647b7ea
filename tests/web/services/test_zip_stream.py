"""Archives as read by Python and unzip, with names that are valid on Windows."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from web.services.downloads import BLOCK_BYTES
from web.services.zip_stream import Entry, flat_entries, stream_zip


def made(*entries: Entry) -> bytes:
    return b"".join(stream_zip(entries))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "课 1.mp4", tmp_path / "empty.txt", tmp_path / "long.mp4"]
    for path, data in zip(paths, (b"abc", b"", os.urandom(2 * BLOCK_BYTES + 7)), strict=True):
        path.write_bytes(data)
    return paths


class TestArchive:
    def test_files_are_stored_uncompressed(self, files: list[Path]) -> None:
        with zipfile.ZipFile(io.BytesIO(made(*flat_entries(files)))) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [path.name for path in files]
            assert [archive.read(path.name) for path in files] == [p.read_bytes() for p in files]
            assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}

    @pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
    def test_unzip_accepts_the_archive(self, files: list[Path], tmp_path: Path) -> None:
        (tmp_path / "all.zip").write_bytes(made(*flat_entries(files)))
        run = subprocess.run(
            ["unzip", "-tq", str(tmp_path / "all.zip")], capture_output=True, check=False
        )
        assert run.returncode == 0, run.stdout

    def test_archive_is_streamed_in_blocks_and_reports_completion(self, files: list[Path]) -> None:
        over: list[bool] = []
        blocks = stream_zip(flat_entries(files), lambda: over.append(True))
        sizes = []
        for block in blocks:
            sizes.append(len(block))
            assert not over
        assert over == [True]
        assert max(sizes) < 2 * BLOCK_BYTES

    def test_aborted_download_is_not_complete(self, files: list[Path]) -> None:
        over: list[bool] = []
        blocks = stream_zip(flat_entries(files), lambda: over.append(True))
        next(blocks)
        blocks.close()  # type: ignore[attr-defined]
        assert over == []

    def test_shrinking_file_makes_the_archive_incomplete(self, files: list[Path]) -> None:
        blocks = stream_zip(flat_entries([files[2]]))
        got = [next(blocks)]
        os.truncate(files[2], 10)
        with pytest.raises(OSError, match="shorter"):
            got += list(blocks)
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(b"".join(got)))

    @pytest.mark.parametrize("mtime", [0, 2**33])
    def test_times_outside_the_zip_range_are_clamped(self, tmp_path: Path, mtime: int) -> None:
        path = tmp_path / "a.mp4"
        path.write_bytes(b"abc")
        os.utime(path, (mtime, mtime))
        assert zipfile.ZipFile(io.BytesIO(made(*flat_entries([path])))).testzip() is None

    @pytest.mark.slow
    @pytest.mark.skipif("LECTERN_LONG" not in os.environ, reason="half a minute of zeros")
    def test_more_than_4_gb(self, tmp_path: Path) -> None:
        path, archive = tmp_path / "huge.mp4", tmp_path / "all.zip"
        with path.open("wb") as file:
            file.truncate((1 << 32) + 5)  # holes: takes no space
        after = tmp_path / "after.txt"
        after.write_bytes(b"abc")
        with archive.open("wb") as file:
            for block in stream_zip(flat_entries([path, after])):
                if block.strip(b"\0"):
                    file.write(block)
                else:
                    file.seek(len(block), os.SEEK_CUR)
        with zipfile.ZipFile(archive) as opened:
            assert [info.file_size for info in opened.infolist()] == [(1 << 32) + 5, 3]
            assert opened.read("after.txt") == b"abc"


class TestNames:
    def test_equal_names_are_numbered(self) -> None:
        entries = flat_entries([Path("/a/x.mp4"), Path("/b/X.mp4"), Path("/c/x.mp4")])
        assert [entry.name for entry in entries] == ["x.mp4", "X (2).mp4", "x (3).mp4"]

    @pytest.mark.parametrize(
        ("name", "kept"),
        [
            ("..\\..\\evil.mp4", "evil.mp4"),
            ("a\nb:c.mp4", "abc.mp4"),
            ("...", "file"),
            (os.fsdecode(b"\xff.mp4"), "�.mp4"),
        ],
    )
    def test_names_cannot_leave_the_folder(self, name: str, kept: str) -> None:
        assert [entry.name for entry in flat_entries([Path("/out") / name])] == [kept]
