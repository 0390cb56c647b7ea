"""The score of a rendering watches the face that spoke, and never withholds the video."""

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
from appliance.render.scoring import load_person, score_report
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
def test_the_speaker_is_where_the_presenters_frame_shows_them(frame: int, x: int) -> None:
    walk = Person(((0.0, 0.0, 100.0, 100.0), (10.0, 1000.0, 100.0, 100.0)))
    choose = load_person(report_of(walk, 11))
    there, elsewhere = face(x + 20), face(x + 220)
    assert choose(frame, [elsewhere, there]) is there


def test_a_video_that_cannot_be_measured_is_no_failure(tmp_path: Path) -> None:
    wall = write_video(tmp_path / "wall.mp4", [np.full((SIZE, SIZE, 3), 90, np.uint8)] * 3)
    person = Person(((0.0, 0.0, 100.0, 100.0),))
    assert score_report(report_of(person, 3, wall), wall, lambda step: None) == {}


def test_the_smaller_of_two_faces_is_measured_where_it_spoke(tmp_path: Path) -> None:
    both = np.full((SIZE, SIZE + 200, 3), 120, np.uint8)
    both[:, :SIZE], both[28:228, SIZE:] = portrait(), cv2.resize(portrait(), (200, 200))
    presenter = write_video(tmp_path / "two.mp4", [both] * 12)
    lecture = write_wav(tmp_path / "lecture.wav", voice(babble(60, seed=5)))
    config = Config.model_validate({"root": tmp_path, "face": {"index": 1}})
    told: list[Progress] = []
    report = render(presenter, lecture, tmp_path / "out.mp4", config)
    found = score_report(report, presenter, told.append)
    assert Fraction(told[-1].done, told[-1].total) == 1
    # Where the other is watched, the mouth that spoke is a change that nobody asked for.
    largest = score_video(tmp_path / "out.mp4", source=presenter)
    assert largest.outside is not None
    assert largest.outside.max > 2 * found["outside"]["max"]
