"""The score of a render: it measures the speaker's face, and its failure is not fatal."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest

from appliance.config import Config
from appliance.face.detect import Detection
from appliance.face.person import Person
from appliance.media.audio import audio_blocks
from appliance.render.progress import Progress
from appliance.render.render import render
from appliance.render.report import RenderReport
from appliance.render.scoring import make_face_selector, score_file, score_report
from appliance.render.workspace import Workspace
from appliance.score import score_video
from appliance.score.pictures import picture_path
from tests.render.conftest import write_wav
from tests.talking_face import SIZE, Sound, babble, portrait, voice, write_video


class Kept:
    """Keeps the score of a render, with which ``render`` is to finish."""

    def __init__(self, **options: Any) -> None:
        self.steps: list[Progress] = []
        self.score: dict[str, Any] = {}
        self._options = options

    def __call__(self, report: RenderReport, workspace: Workspace) -> None:
        self.score = score_report(report, workspace, self.steps.append, **self._options)


def mux_with(video: Path, sound: Sound, target: Path) -> None:
    """Copy the pictures of ``video`` and add another sound at 16 kHz."""
    with av.open(str(video)) as source, av.open(str(target), "w") as out:
        pictures = out.add_stream_from_template(source.streams.video[0])
        audio = out.add_stream("aac", rate=16_000, layout="mono")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = pictures
                out.mux(packet)
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))


def report_of(person: Person, frames: int, video: Path = Path("v.mp4")) -> RenderReport:
    report: Any = {
        "output": {"path": str(video)},
        "input": {"presenter_frames": frames},
        "face": {"positions": person.to_rows()},
    }
    return cast(RenderReport, report)


def face(x: float) -> Detection:
    return Detection(np.array([x - 50, 50.0, x + 50, 150.0]), np.zeros((6, 2)), 0.9)


@pytest.mark.parametrize(("frame", "x"), [(0, 0), (10, 1000), (15, 500), (20, 0), (27, 700)])
def test_speaker_is_selected_by_presenter_frame(frame: int, x: int) -> None:
    walk = Person(((0.0, 0.0, 100.0, 100.0), (10.0, 1000.0, 100.0, 100.0)))
    choose = make_face_selector(report_of(walk, 11))
    there, elsewhere = face(x + 20), face(x + 220)
    assert choose(frame, [elsewhere, there]) is there


def test_unmeasurable_video_gives_an_empty_score(tmp_path: Path) -> None:
    wall = write_video(tmp_path / "wall.mp4", [np.full((SIZE, SIZE, 3), 90, np.uint8)] * 3)
    face = write_video(tmp_path / "face.mp4", [portrait()] * 3)
    lecture = write_wav(tmp_path / "lecture.wav", voice(babble(30, seed=5)))
    found: list[dict[str, Any]] = []

    def finish(report: RenderReport, workspace: Workspace) -> None:
        shutil.copyfile(wall, report["output"]["path"])
        found.append(score_report(report, workspace, lambda step: None))

    config = Config.model_validate({"root": tmp_path})
    render(face, lecture, tmp_path / "out.mp4", config, finish=finish)
    assert found == [{}]


@pytest.mark.data
def test_render_is_compared_with_its_own_motion(tmp_path: Path, shared_data: Path) -> None:
    presenter, *clips = sorted((shared_data / "grid").glob("s1_*.mp4"))[:3]
    speech = np.concatenate([block for clip in clips for block in audio_blocks(clip)])
    lecture = write_wav(tmp_path / "lecture.wav", speech)
    config, kept = Config.model_validate({"root": tmp_path}), Kept(pictures=True)
    video = tmp_path / "out.mp4"
    render(presenter, lecture, video, config, finish=kept)
    match, verdict = kept.score["match"], kept.score["verdict"]
    assert match["best_r"] > 0.5
    assert abs(match["lag_ms"]) < 20
    assert kept.score["unchanged"] == {"no_face": 0, "turned_away": 0}
    shown = [reason["picture"] for reason in verdict["reasons"] if reason["picture"]]
    assert [picture_path(video, number).is_file() for number in shown] == [True] * len(shown)

    # The same picture with the sound a fifth of a second earlier is late.
    late = tmp_path / "late.mp4"
    mux_with(video, speech[3200:], late)
    score = score_file(late, source=presenter)
    assert "mouth_late" in {reason.code for reason in score.verdict.reasons}
    assert score.match is not None
    assert 140 < score.match.lag_ms < 260


def test_smaller_face_is_measured_if_it_speaks(tmp_path: Path) -> None:
    both = np.full((SIZE, SIZE + 200, 3), 120, np.uint8)
    both[:, :SIZE], both[28:228, SIZE:] = portrait(), cv2.resize(portrait(), (200, 200))
    presenter = write_video(tmp_path / "two.mp4", [both] * 12)
    lecture = write_wav(tmp_path / "lecture.wav", voice(babble(60, seed=5)))
    config = Config.model_validate({"root": tmp_path, "face": {"index": 1}})
    kept = Kept()
    render(presenter, lecture, tmp_path / "out.mp4", config, finish=kept)
    assert Fraction(kept.steps[-1].done, kept.steps[-1].total) == 1
    # If the other face is measured, the speaker's mouth is a change outside the mouth.
    largest = score_video(tmp_path / "out.mp4", source=presenter)
    assert largest.outside is not None
    assert largest.outside.max > 1.5 * kept.score["outside"]["max"]
