"""What a look in a process of its own finds, and what it makes of files that are none."""

from __future__ import annotations

import os
import shutil
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from appliance.config import Config
from appliance.errors import BadInput, Fault
from appliance.media.probe import probe_audio
from appliance.tasks.child import run_in_child
from tests.tasks.conftest import Material


class TestLook:
    def test_a_face_and_a_lecture(self, material: Material, config: Config, tmp_path: Path) -> None:
        picture = tmp_path / "new" / "thumbnail.jpg"
        found = run_in_child("preflight", material.face, material.talk, config, picture)
        assert found["face_found"] is True and found["coverage"] == 1.0 and found["faces"] == 1
        assert (found["width"], found["height"]) == (256, 256)
        assert found["yaw_deg"] < 30 and found["presenter_s"] is None
        assert found["lecture_s"] == pytest.approx(5, abs=0.1)
        assert -40 < found["level_db"] < -3
        assert found["estimated_mb"] >= 1 and found["warnings"] == []
        with Image.open(picture) as image:
            assert image.size == (256, 256) and found["thumbnail"] == str(picture)

    def test_no_face_is_an_answer_and_no_fault(
        self, material: Material, config: Config, tmp_path: Path
    ) -> None:
        found = run_in_child("preflight", material.grey, None, config, tmp_path / "t.jpg")
        assert found["face_found"] is False and found["coverage"] == 0
        assert found["lecture_s"] is None and found["estimated_mb"] is None

    def test_a_name_need_not_be_valid_text(
        self, material: Material, config: Config, tmp_path: Path
    ) -> None:
        odd = tmp_path / os.fsdecode("课\n".encode() + b"\xff.png")
        shutil.copy(material.grey, odd)
        assert run_in_child("preflight", odd, None, config, tmp_path / "t.jpg")["width"] == 320

    def test_what_is_no_media_is_bad_input_by_its_name(
        self, material: Material, config: Config
    ) -> None:
        with pytest.raises(BadInput) as bad:
            run_in_child("estimate", material.face, material.grey, config)
        assert bad.value.code == "not_media" and "grey.png" in str(bad.value)

    def test_one_that_takes_too_long_is_ended(self, material: Material, config: Config) -> None:
        with pytest.raises(Fault) as slow:
            run_in_child("estimate", material.face, material.talk, config, timeout_s=0.0)
        assert slow.value.code == "processing_failed"

    def test_one_that_nobody_waits_for_is_ended(self, config: Config) -> None:
        with pytest.raises(Fault) as unwanted:
            run_in_child("doctor", None, None, config, is_cancelled=lambda: True)
        assert unwanted.value.code == "task_interrupted"


def samples(path: Path) -> npt.NDArray[np.float64]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(1 << 30), "<i2").astype(np.float64)


class TestExcerpt:
    @pytest.mark.parametrize(("at_s", "start_s"), [(0.0, 0.0), (1.5, 1.5), (99.0, 2.0)])
    def test_three_seconds_from_where_it_was_asked_or_the_last_ones(
        self, material: Material, config: Config, tmp_path: Path, at_s: float, start_s: float
    ) -> None:
        cut = Path(
            run_in_child("excerpt", material.face, material.talk, config, tmp_path, at_s=at_s)
        )
        assert probe_audio(cut).duration_s == pytest.approx(3, abs=0.01)
        piece, whole = samples(cut)[::3], samples(material.talk)
        expected = whole[round(16_000 * start_s) :][: len(piece)]
        assert np.corrcoef(piece[: len(expected)], expected)[0, 1] > 0.95

    def test_of_a_text_some_words(self, material: Material, config: Config, tmp_path: Path) -> None:
        cut = run_in_child("excerpt", material.face, material.text, config, tmp_path, at_s=4.0)
        words = Path(cut).read_text(encoding="utf-8")
        assert 20 < len(words) < 90 and words in material.text.read_text(encoding="utf-8")
