"""What a name tells."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from appliance.inbox.names import Kind, find_presenter, is_junk, key_of, kind_of, split_presenter


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "._lesson.mp4", ".lesson.mp4.part", "Thumbs.db", "desktop.ini", "~$notes.txt",
     "lesson.mp4.filepart", "lesson.mp4.crdownload", "LESSON.TMP", "notes.txt~", "@eaDir"],
)  # fmt: skip
def test_junk_is_left_alone(name: str) -> None:
    assert is_junk(name)


@pytest.mark.parametrize("name", ["lesson.mp4", "-rf.wav", "a.part.mp4", "课程 🎓.txt", "tmp.wav"])
def test_no_lecture_is_junk(name: str) -> None:
    assert not is_junk(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.MP4", Kind.PRESENTER), ("a.jpg", Kind.PRESENTER), ("a.m4a", Kind.SOUND),
     ("a.Txt", Kind.TEXT), ("a.pdf", Kind.OTHER), ("mp4", Kind.OTHER)],
)  # fmt: skip
def test_the_ending_tells_the_kind(name: str, kind: Kind) -> None:
    assert kind_of(Path(name)) is kind


def test_stems_match_as_people_read_them() -> None:
    name = "Leçon É"
    assert key_of(unicodedata.normalize("NFD", name)) == key_of(name.upper())
    assert key_of("lesson1") != key_of("lesson2")


@pytest.mark.parametrize(
    ("stem", "parts"),
    [("lesson@wang", ("lesson", "wang")), ("a@b@wang", ("a@b", "wang")),
     ("lesson", ("lesson", None)), ("@wang", ("@wang", None)), ("lesson@", ("lesson@", None))],
)  # fmt: skip
def test_a_presenter_is_named_after_an_at(stem: str, parts: tuple[str, str | None]) -> None:
    assert split_presenter(stem) == parts


def test_the_library_gives_a_video_before_a_photo(tmp_path: Path) -> None:
    assert find_presenter(tmp_path / "missing", "wang") is None
    for name in ("Wang.jpg", "wang.txt", ".wang.mp4", "wang2.mp4"):
        (tmp_path / name).touch()
    assert find_presenter(tmp_path, "wang") == tmp_path / "Wang.jpg"
    (tmp_path / "wang.mp4").touch()
    assert find_presenter(tmp_path, "WANG") == tmp_path / "wang.mp4"
