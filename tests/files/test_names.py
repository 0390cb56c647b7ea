"""Tests of classifying and creating file names."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from appliance.files.names import (
    MediaKind,
    find_presenter,
    is_ignored,
    match_key,
    media_kind,
    numbered,
    safe_stem,
    shorten,
    split_presenter,
)


@pytest.mark.parametrize(
    "name",
    [".DS_Store", "._lesson.mp4", ".lesson.mp4.part", "Thumbs.db", "desktop.ini", "~$notes.txt",
     "lesson.mp4.filepart", "lesson.mp4.crdownload", "LESSON.TMP", "notes.txt~", "@eaDir"],
)  # fmt: skip
def test_system_and_temporary_files_are_ignored(name: str) -> None:
    assert is_ignored(name)


@pytest.mark.parametrize("name", ["lesson.mp4", "-rf.wav", "a.part.mp4", "课程 🎓.txt", "tmp.wav"])
def test_media_files_are_not_ignored(name: str) -> None:
    assert not is_ignored(name)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.MP4", MediaKind.PRESENTER), ("a.jpg", MediaKind.PRESENTER), ("a.m4a", MediaKind.AUDIO),
     ("a.Txt", MediaKind.TEXT), ("a.pdf", MediaKind.OTHER), ("mp4", MediaKind.OTHER)],
)  # fmt: skip
def test_suffix_determines_the_kind(name: str, kind: MediaKind) -> None:
    assert media_kind(Path(name)) is kind


def test_stems_match_regardless_of_case_and_normalization() -> None:
    name = "Leçon É"
    assert match_key(unicodedata.normalize("NFD", name)) == match_key(name.upper())
    assert match_key("lesson1") != match_key("lesson2")


@pytest.mark.parametrize(
    ("stem", "parts"),
    [("lesson@wang", ("lesson", "wang")), ("a@b@wang", ("a@b", "wang")),
     ("lesson", ("lesson", None)), ("@wang", ("@wang", None)), ("lesson@", ("lesson@", None))],
)  # fmt: skip
def test_presenter_name_follows_the_last_at_sign(stem: str, parts: tuple[str, str | None]) -> None:
    assert split_presenter(stem) == parts


def test_video_is_preferred_to_a_photo_in_the_library(tmp_path: Path) -> None:
    assert find_presenter(tmp_path / "missing", "wang") is None
    for name in ("Wang.jpg", "wang.txt", ".wang.mp4", "wang2.mp4"):
        (tmp_path / name).touch()
    assert find_presenter(tmp_path, "wang") == tmp_path / "Wang.jpg"
    (tmp_path / "wang.mp4").touch()
    assert find_presenter(tmp_path, "WANG") == tmp_path / "wang.mp4"


def test_stem_is_shortened_between_characters() -> None:
    assert shorten("课程", 5) == "课"
    assert shorten("课程", 6) == "课程"
    assert shorten("caf\udce9") == "caf\udce9"


def test_name_in_use_gets_a_number() -> None:
    assert [numbered("lesson", number) for number in (1, 2)] == ["lesson", "lesson (2)"]


@pytest.mark.parametrize(
    ("stem", "safe"),
    [("a/b:c?", "a_b_c_"), ("CON", "_CON"), (".hidden", "_.hidden"), (" . ", "lecture"),
     ("caf\udce9", "caf_"), ("课" * 80, "课" * 66)],
)  # fmt: skip
def test_safe_stem_is_valid_on_every_file_system(stem: str, safe: str) -> None:
    assert safe_stem(stem) == safe
