"""Examining files in a child process."""

from __future__ import annotations

import os
import shutil
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from appliance.config import Config, LipsConfig
from appliance.errors import BadInput, Fault
from appliance.media.probe import probe_audio
from appliance.tasks.child import run_in_child
from tests.tasks.conftest import SampleFiles


class TestPreflight:
    def test_face_and_lecture_are_examined(
        self, files: SampleFiles, config: Config, tmp_path: Path
    ) -> None:
        picture = tmp_path / "new" / "thumbnail.jpg"
        result = run_in_child("preflight", files.face, files.talk, config, picture)
        assert result["face_found"] is True and result["coverage"] == 1.0 and result["faces"] == 1
        assert (result["width"], result["height"]) == (256, 256)
        assert result["yaw_deg"] < 30 and result["presenter_s"] is None
        assert result["lecture_s"] == pytest.approx(5, abs=0.1)
        assert -40 < result["level_db"] < -3
        assert result["estimated_mb"] >= 1 and result["warnings"] == []
        with Image.open(picture) as image:
            assert image.size == (256, 256) and result["thumbnail"] == str(picture)

    def test_what_can_only_fail_is_refused(
        self, files: SampleFiles, config: Config, tmp_path: Path
    ) -> None:
        with pytest.raises(BadInput) as bad:
            run_in_child("preflight", files.grey, None, config, tmp_path / "t.jpg")
        assert bad.value.code == "no_face"
        lecture = tmp_path / "thai.txt"
        lecture.write_text("สวัสดี")
        with pytest.raises(BadInput) as bad:
            run_in_child("preflight", files.face, lecture, config, tmp_path / "t.jpg")
        assert bad.value.code == "voice_missing"

    def test_file_name_may_be_invalid_text(
        self, files: SampleFiles, config: Config, tmp_path: Path
    ) -> None:
        odd = tmp_path / os.fsdecode("课\n".encode() + b"\xff.png")
        shutil.copy(files.face, odd)
        assert run_in_child("preflight", odd, None, config, tmp_path / "t.jpg")["width"] == 256

    def test_unusable_file_is_bad_input_with_its_name(
        self, files: SampleFiles, config: Config
    ) -> None:
        with pytest.raises(BadInput) as bad:
            run_in_child("estimate", files.face, files.grey, config)
        assert bad.value.code == "not_media" and "grey.png" in str(bad.value)

    def test_child_is_killed_after_its_time_limit(self, files: SampleFiles, config: Config) -> None:
        with pytest.raises(Fault) as slow:
            run_in_child("estimate", files.face, files.talk, config, timeout_s=0.0)
        assert slow.value.code == "processing_failed"

    def test_cancelled_child_is_killed(self, config: Config) -> None:
        with pytest.raises(Fault) as cancelled:
            run_in_child("doctor", None, None, config, is_cancelled=lambda: True)
        assert cancelled.value.code == "task_interrupted"


def samples(path: Path) -> npt.NDArray[np.float64]:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(1 << 30), "<i2").astype(np.float64)


class TestExcerpt:
    @pytest.mark.parametrize(("at_s", "start_s"), [(0.0, 0.0), (1.5, 1.5), (99.0, 2.0)])
    def test_recording_yields_three_seconds_from_the_position_or_the_last_ones(
        self, files: SampleFiles, config: Config, tmp_path: Path, at_s: float, start_s: float
    ) -> None:
        cut = Path(run_in_child("excerpt", files.face, files.talk, config, tmp_path, at_s=at_s))
        assert probe_audio(cut).duration_s == pytest.approx(3, abs=0.01)
        piece, whole = samples(cut)[::3], samples(files.talk)
        expected = whole[round(16_000 * start_s) :][: len(piece)]
        assert np.corrcoef(piece[: len(expected)], expected)[0, 1] > 0.95

    def test_text_yields_a_few_words(
        self, files: SampleFiles, config: Config, tmp_path: Path
    ) -> None:
        cut = run_in_child("excerpt", files.face, files.text, config, tmp_path, at_s=4.0)
        words = Path(cut).read_text(encoding="utf-8")
        assert 20 < len(words) < 90 and words in files.text.read_text(encoding="utf-8")


class TestEnrolment:
    def test_what_was_learned_is_looked_up_and_learned(
        self, files: SampleFiles, config: Config
    ) -> None:
        config = config.model_copy(update={"lips": LipsConfig()})
        known = run_in_child("enrolment", files.face, None, config)
        assert known["mode"] is None and known["enabled"] is True and known["recording"] is False
        learned = run_in_child("enrolment", files.face, None, config, learn=True)
        assert learned["mode"] == "no_sound" and learned["missing"] == []  # a photo

    def test_unusable_file_is_bad_input(self, config: Config, tmp_path: Path) -> None:
        with pytest.raises(BadInput):
            run_in_child("enrolment", tmp_path / "missing.mp4", None, config, learn=True)
