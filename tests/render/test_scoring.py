"""The score of a render: it measures the speaker's face, and its failure is not fatal."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest

from appliance.config import Config
from appliance.face.detect import Detection
from appliance.face.person import Person
from appliance.render.progress import Progress
from appliance.render.render import render
from appliance.render.report import RenderReport
from appliance.render.scoring import make_face_selector, score_report
from appliance.score import score_video
from tests.render.conftest import write_wav
from tests.talking_face import SIZE, babble, portrait, voice, write_video


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
    person = Person(((0.0, 0.0, 100.0, 100.0),))
    assert score_report(report_of(person, 3, wall), wall, lambda step: None) == {}


def test_smaller_face_is_measured_if_it_speaks(tmp_path: Path) -> None:
    both = np.full((SIZE, SIZE + 200, 3), 120, np.uint8)
    both[:, :SIZE], both[28:228, SIZE:] = portrait(), cv2.resize(portrait(), (200, 200))
    presenter = write_video(tmp_path / "two.mp4", [both] * 12)
    lecture = write_wav(tmp_path / "lecture.wav", voice(babble(60, seed=5)))
    config = Config.model_validate({"root": tmp_path, "face": {"index": 1}})
    steps: list[Progress] = []
    report = render(presenter, lecture, tmp_path / "out.mp4", config)
    found = score_report(report, presenter, steps.append)
    assert Fraction(steps[-1].done, steps[-1].total) == 1
    # If the other face is measured, the speaker's mouth is a change outside the mouth.
    largest = score_video(tmp_path / "out.mp4", source=presenter)
    assert largest.outside is not None
    assert largest.outside.max > 2 * found["outside"]["max"]
