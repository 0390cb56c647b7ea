"""Files whose end is still to come, told from whole ones and from those that are no media."""

from __future__ import annotations

import os
from pathlib import Path

import docx
import pytest

from appliance.inbox.completeness import find_incomplete
from tests.render.conftest import write_wav
from tests.talking_face import babble, portrait, voice, write_video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file of each kind, whole."""
    write_wav(tmp_path / "sound.wav", voice(babble(50)))
    write_video(tmp_path / "video.mp4", [portrait()] * 5)
    (tmp_path / "text.txt").write_text("Light is fast.")
    document = docx.Document()
    document.add_paragraph("Light is fast.")
    document.save(str(tmp_path / "word.docx"))
    return tmp_path


def test_halves_are_known_and_wholes_too(folder: Path) -> None:
    wholes = sorted(folder.iterdir())
    halves = []
    for path in wholes:
        if path.suffix != ".txt":  # a text may end anywhere
            half = path.with_stem("half\n" + path.stem)
            half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            halves.append(half)
    assert find_incomplete([*wholes, *halves]) == set(halves)
    assert find_incomplete([]) == set()


def test_one_that_takes_for_ever_is_passed_over_and_the_next_is_looked_at(folder: Path) -> None:
    os.mkfifo(folder / "never.wav")
    (folder / "empty.txt").touch()
    asked = [folder / "sound.wav", folder / "never.wav", folder / "empty.txt"]
    assert find_incomplete(asked, timeout_s=4) == {folder / "empty.txt"}


def test_nothing_is_waited_for_once_it_is_to_stop(folder: Path) -> None:
    os.mkfifo(folder / "never.wav")
    asked = [folder / "sound.wav", folder / "never.wav", folder / "video.mp4"]
    looks = iter([False, False, False])
    assert find_incomplete(asked, is_stopped=lambda: next(looks, True)) >= set(asked[1:])
