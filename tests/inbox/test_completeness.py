"""Tests of detecting incomplete files."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import docx
import pytest

from appliance.inbox.completeness import examine_files
from tests.render.conftest import write_wav
from tests.talking_face import babble, portrait, voice, write_video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a complete file of each kind."""
    write_wav(tmp_path / "sound.wav", voice(babble(50)))
    write_video(tmp_path / "video.mp4", [portrait()] * 5)
    (tmp_path / "text.txt").write_text("Light is fast.")
    document = docx.Document()
    document.add_paragraph("Light is fast.")
    document.save(str(tmp_path / "word.docx"))
    return tmp_path


def test_truncated_files_are_found(folder: Path) -> None:
    complete = sorted(folder.iterdir())
    truncated = []
    for path in complete:
        if path.suffix != ".txt":  # the end of a text cannot be detected
            half = path.with_stem("half\n" + path.stem)
            half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            truncated.append(half)
    assert examine_files([*complete, *truncated]).incomplete == set(truncated)
    assert examine_files([]).incomplete == set()


def write_endless(path: Path) -> None:
    """Write a recording whose check takes minutes: 40 GB of silence, none of it on the disk."""
    path.write_bytes(
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0"
        + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
        + b"data\xff\xff\xff\xff"
    )
    os.truncate(path, 40 << 30)


def test_file_that_takes_too_long_is_skipped(folder: Path) -> None:
    write_endless(folder / "never.wav")
    (folder / "empty.txt").touch()
    paths = [folder / "sound.wav", folder / "never.wav", folder / "empty.txt"]
    assert examine_files(paths, timeout_s=4).incomplete == {folder / "empty.txt"}


def test_check_ends_when_it_is_stopped(folder: Path) -> None:
    write_endless(folder / "never.wav")
    paths = [folder / "sound.wav", folder / "never.wav", folder / "video.mp4"]
    stopped = iter([False, False, False])
    found = examine_files(paths, is_stopped=lambda: next(stopped, True))
    assert found.incomplete >= set(paths[1:])
