"""Rendering, measured on the files that it writes."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from appliance.errors import BadInput
from appliance.media.pingpong import pingpong
from appliance.render.progress import Progress
from appliance.render.render import render
from tests.render.conftest import (
    FRAMES,
    LECTURE_FRAMES,
    SILENT_FROM,
    frames_of,
    settings,
    write_wav,
)

MODELS = ["lectern-lite", "tiny"]


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest, tiny_model: Path) -> str:
    return str(tiny_model) if request.param == "tiny" else str(request.param)


def test_output_has_length_and_audio_of_the_lecture_and_the_tag(
    presenter: Path, lecture: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    report = render(presenter, lecture, out, settings())
    with av.open(str(out)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.frames == LECTURE_FRAMES
        assert video.average_rate == 25
        assert (
            abs(float((audio.duration or 0) * (audio.time_base or 0)) - LECTURE_FRAMES / 25) < 0.05
        )
        assert "AI-generated" in container.metadata["comment"]
    assert report["output"]["frames"] == LECTURE_FRAMES
    assert report["face"]["no_face"] > 0
    assert {w["code"] for w in report["warnings"]} == {"no_face"}
    assert os.listdir(tmp_path) == ["out.mp4"]  # no temporary files


def test_only_the_mouth_changes_and_only_with_a_face(
    presenter: Path, lecture: Path, tmp_path: Path, model: str
) -> None:
    out = tmp_path / "out.mp4"
    render(presenter, lecture, out, settings(lips={"model": model}))
    source, result = frames_of(presenter), frames_of(out)
    height = source.shape[1] * 2 // 3
    changed = 0
    for t in range(LECTURE_FRAMES):
        index = pingpong(t, FRAMES)
        difference = result[t] != source[index]
        if index in (20, 21):
            assert not difference.any()
            continue
        rows, columns = np.nonzero(difference[:height])
        changed += len(rows)
        if len(rows):
            # The portrait's eyes are at row 96, its chin at 187, its ears at columns 72 and 172.
            assert rows.min() > 105 and rows.max() < 225
            assert columns.min() > 60 and columns.max() < 190
    assert changed > 0


def test_division_into_chunks_does_not_change_frames(
    presenter: Path, lecture: Path, tmp_path: Path, model: str
) -> None:
    whole, cut = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    render(presenter, lecture, whole, settings(lips={"model": model}))
    small = settings(lips={"model": model}, render={"chunk_s": 1.0, "queue_frames": 1})
    report = render(presenter, lecture, cut, small)
    assert report["plan"]["chunks"] == 3
    np.testing.assert_array_equal(frames_of(whole), frames_of(cut))


def test_photo_speaks_and_is_still_in_silence(photo: Path, lecture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    report = render(photo, lecture, out, settings())
    frames = frames_of(out)
    assert report["input"]["presenter_kind"] == "photo"
    assert np.ptp(frames[:SILENT_FROM].astype(int), axis=0).max() > 20
    # The gate by level is closed after three quarters of a second; from then on nothing moves.
    quiet = frames[SILENT_FROM + 19 :]
    assert len(quiet) > 5 and (quiet == quiet[0]).all()


def test_silent_lecture_succeeds_with_a_warning(photo: Path, tmp_path: Path) -> None:
    silence = write_wav(tmp_path / "silence.wav", np.zeros(16_000, np.float32))
    report = render(photo, silence, tmp_path / "out.mp4", settings())
    assert [w["code"] for w in report["warnings"]] == ["no_speech"]
    frames = frames_of(tmp_path / "out.mp4")
    assert (frames == frames[0]).all()


def test_progress_reports_every_stage_and_frame(
    photo: Path, lecture: Path, tmp_path: Path, tiny_model: Path
) -> None:
    steps: list[Progress] = []
    config = settings(lips={"model": str(tiny_model)})
    render(photo, lecture, tmp_path / "out.mp4", config, on_progress=steps.append)
    order = list(dict.fromkeys(step.stage for step in steps))
    assert order == ["check", "presenter", "speech", "render", "mux"]
    counted = [step.done for step in steps if step.stage == "render"]
    assert counted == list(range(LECTURE_FRAMES + 1))


def test_interruption_in_any_stage_leaves_no_files(
    presenter: Path, lecture: Path, tmp_path: Path, tiny_model: Path
) -> None:
    config = settings(lips={"model": str(tiny_model)}, render={"chunk_s": 1.0})

    for stage in ("presenter", "speech", "render", "mux"):

        def interrupt(step: Progress, stage: str = stage) -> None:
            if step.stage == stage and (stage != "render" or step.done == 30):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            render(presenter, lecture, tmp_path / "out.mp4", config, on_progress=interrupt)
        assert os.listdir(tmp_path) == []


def test_existing_output_survives_a_failure(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"yesterday's lecture")
    with pytest.raises(BadInput):
        render(photo, tmp_path / "missing.wav", out, settings())
    assert out.read_bytes() == b"yesterday's lecture"


def test_badge_changes_only_its_corner(photo: Path, tmp_path: Path) -> None:
    silence = write_wav(tmp_path / "silence.wav", np.zeros(16_000, np.float32))
    render(photo, silence, tmp_path / "plain.mp4", settings())
    render(photo, silence, tmp_path / "badge.mp4", settings(video={"badge": True}))
    plain, badge = frames_of(tmp_path / "plain.mp4"), frames_of(tmp_path / "badge.mp4")
    rows, columns = np.nonzero(plain[0][:256] != badge[0][:256])
    assert rows.min() > 220 and columns.min() > 128  # bottom right


def test_input_file_is_refused_as_output(photo: Path, lecture: Path, tmp_path: Path) -> None:
    own = tmp_path / "me.png"
    own.write_bytes(photo.read_bytes())
    with pytest.raises(BadInput) as caught:
        render(own, lecture, tmp_path / "." / "me.png", settings())
    assert caught.value.code == "output_is_input"
    assert own.read_bytes() == photo.read_bytes()
