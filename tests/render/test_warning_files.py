"""The files beside a video that tell its warnings to a user of the outbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from appliance.render.warning_files import clock, write_warning_files
from tests.talking_face import portrait, write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    images = [np.full_like(portrait(), 40 if index < 25 else 200) for index in range(50)]
    return write_video(tmp_path / "lesson.mp4", images)


def warning(code: str, at_s: float, **details: Any) -> dict[str, Any]:
    return {"code": code, "text": "English text.", "at_s": at_s, **details}


def test_text_and_pictures_are_written(video: Path) -> None:
    found = [warning("no_face", 1.4), warning("text_skipped", 0.0, words="谢谢")]
    write_warning_files(video, found)
    text = video.with_suffix(".warnings.txt").read_text(encoding="utf-8")
    assert "0:01  No face was found from here on" in text
    assert "“谢谢”" in text and "从此处起未检测到人脸" in text
    with Image.open(video.with_suffix(".warnings.jpg")) as sheet:
        assert np.asarray(sheet.convert("L"))[60:200, 60:200].mean() == pytest.approx(200, abs=12)


def test_unknown_code_keeps_its_text(video: Path) -> None:
    write_warning_files(video, [warning("from_a_later_version", 0.0)])
    assert "English text." in video.with_suffix(".warnings.txt").read_text()
    assert not video.with_suffix(".warnings.jpg").exists()


def test_nothing_is_written_without_warnings(video: Path) -> None:
    write_warning_files(video, [])
    assert [path.name for path in video.parent.iterdir()] == ["lesson.mp4"]


def test_times_are_formatted() -> None:
    assert [clock(seconds) for seconds in (0, 61.9, 3661)] == ["0:00", "1:01", "1:01:01"]
