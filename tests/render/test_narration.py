"""A lecture given as text: the finished video, its subtitles and its warnings."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from PIL import Image

from appliance.errors import BadInput
from appliance.media.subtitles import read_subtitles
from appliance.render.narration import subtitles_in
from appliance.render.progress import Progress
from appliance.render.render import render, render_in
from appliance.render.sidecars import write_sidecars
from tests.render.conftest import settings

TEXT = "Light is fast. It needs eight minutes from the sun to the earth.\n\nGood bye."
SPOKEN = ["Light is fast.", "It needs eight minutes\nfrom the sun to the earth.", "Good bye."]


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "lesson.txt"
    path.write_text(TEXT)
    return path


def test_text_becomes_speech_subtitles_and_srt_file(
    photo: Path, words: Path, tmp_path: Path, tiny_model: Path
) -> None:
    out, steps = tmp_path / "lesson.mp4", list[Progress]()
    config = settings(lips={"model": str(tiny_model)})
    report = render(photo, words, out, config, on_progress=steps.append)
    cues = read_subtitles(out)
    assert [cue.text for cue in cues] == SPOKEN
    assert cues[-1].end == pytest.approx(report["output"]["duration_s"], abs=0.05)
    with av.open(str(out)) as container:
        assert container.streams.subtitles[0].language == "eng"
    read = [step.done for step in steps if step.stage == "tts"]
    assert len(read) == 4 and read == sorted(read)  # progress is reported after each sentence
    write_sidecars(out)
    assert (tmp_path / "lesson.srt").read_text().count(" --> ") == 3
    with Image.open(tmp_path / "lesson.jpg") as image:
        assert image.size == (256, 256)


def test_skipped_text_causes_a_warning(photo: Path, tmp_path: Path, tiny_model: Path) -> None:
    words = tmp_path / "lesson.txt"
    words.write_text("Light is fast.\n\nNow say 谢谢 twice.")
    # A voice that was chosen by name is used for all text.
    config = settings(lips={"model": str(tiny_model)}, speech={"voice": "heart"})
    (warning,) = render(photo, words, tmp_path / "lesson.mp4", config)["warnings"]
    assert warning["code"] == "text_skipped" and warning["at_s"] > 0.5


def test_resumed_render_keeps_subtitles(
    photo: Path, words: Path, tmp_path: Path, tiny_model: Path
) -> None:
    config = settings(lips={"model": str(tiny_model)}, render={"chunk_s": 1})
    work, out = tmp_path / "work", tmp_path / "lesson.mp4"
    work.mkdir()

    def power_cut() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_in(work, photo, words, out, config, after_chunk=power_cut)
    (folder,) = (path for path in work.iterdir() if path.is_dir())
    saved = subtitles_in(folder)
    assert saved is not None and saved.language == "en"
    stages = set[str]()
    render_in(work, photo, words, out, config, on_progress=lambda step: stages.add(step.stage))
    assert "tts" not in stages  # it is not synthesized again
    assert [cue.text for cue in read_subtitles(out)] == SPOKEN


def test_subtitles_can_be_disabled(
    photo: Path, words: Path, tmp_path: Path, tiny_model: Path
) -> None:
    out = tmp_path / "lesson.mp4"
    config = settings(lips={"model": str(tiny_model)}, speech={"subtitles": False})
    words.write_text("Light is fast.")
    render(photo, words, out, config)
    assert read_subtitles(out) == ()
    write_sidecars(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lesson.jpg", "lesson.mp4", "lesson.txt",
    ]  # fmt: skip


def test_transcript_of_a_recording_becomes_its_subtitles(
    photo: Path, lecture: Path, words: Path, tmp_path: Path, tiny_model: Path
) -> None:
    out = tmp_path / "out.mp4"
    config = settings(lips={"model": str(tiny_model)})
    report = render(photo, lecture, out, config, transcript=words)
    assert [cue.text for cue in read_subtitles(out)] == SPOKEN
    assert [warning["code"] for warning in report["warnings"]] == ["subtitles_estimated"]


def test_useless_transcript_ends_no_lecture(
    photo: Path, lecture: Path, tmp_path: Path, tiny_model: Path
) -> None:
    (tmp_path / "lesson.srt").write_text("no times")
    config = settings(lips={"model": str(tiny_model)})
    report = render(
        photo, lecture, tmp_path / "out.mp4", config, transcript=tmp_path / "lesson.srt"
    )
    assert [warning["code"] for warning in report["warnings"]] == ["transcript_unusable"]


def test_unreadable_text_is_bad_input(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "lesson.docx").write_bytes(b"no package")
    with pytest.raises(BadInput) as caught:
        render(photo, tmp_path / "lesson.docx", tmp_path / "out.mp4", settings())
    assert caught.value.code == "text_unreadable"
