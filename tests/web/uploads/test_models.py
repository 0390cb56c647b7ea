"""File names given by users and attackers."""

from __future__ import annotations

import pytest

from appliance.errors import BadInput
from web.uploads.models import MAX_NAME_BYTES, clean_name, is_id, new_id


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("lesson 4.mp4", "lesson 4.mp4"),
        ("第四课.MP4", "第四课.MP4"),
        ("../../etc/cron.d/job.mp4", "job.mp4"),
        ("C:\\Users\\wang\\lesson.wav", "lesson.wav"),
        ("/srv/.ssh/x.txt", "x.txt"),
        ("a\0b\n\u202ec.mp3", "abc.mp3"),
        ('<img src=x onerror="alert(1)">.jpg', "img src=x onerror=alert(1).jpg"),
        (".hidden.mp4", "hidden.mp4"),
        ("  spaced .mp4 ", "spaced.mp4"),
        ("e\u0301tude.mp3", "étude.mp3"),
    ],
)
def test_folders_are_removed_from_names(given: str, kept: str) -> None:
    assert clean_name(given) == kept


@pytest.mark.parametrize(
    "given", ["", ".", "..", "/", "..\\", ".mp4", "a.exe", "a", "a.mp4.part", "~$a.txt"]
)
def test_unsupported_file_types(given: str) -> None:
    with pytest.raises(BadInput) as error:
        clean_name(given)
    assert error.value.code == "file_type_unsupported"


def test_long_name_is_cut_between_characters() -> None:
    name = clean_name("课" * 300 + ".mp4")
    assert name.endswith("课.mp4")
    assert len(name.encode()) <= MAX_NAME_BYTES + 4


def test_only_valid_ids_are_accepted() -> None:
    assert is_id(new_id())
    assert not any(map(is_id, ["", "../x", "A" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n"]))
