"""The demo's sample is real material, and its summary says what a person wants to know."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from appliance.demo import main


def test_the_sample_is_a_colour_portrait_and_some_seconds_of_speech(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    assert main(["sample", str(folder)]) == 0
    portrait = np.asarray(Image.open(folder / "presenter.png"))
    assert portrait.shape == (512, 512, 3)
    with wave.open(str(folder / "lecture.wav")) as sound:
        assert (sound.getnchannels(), sound.getsampwidth()) == (1, 2)
        seconds = sound.getnframes() / sound.getframerate()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    assert 8 < seconds < 30
    assert 1_000 < np.abs(samples).max() < 32_767  # heard, and not clipped


def test_the_same_sample_comes_out_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        main(["sample", str(tmp_path / name)])
    for file in ("presenter.png", "lecture.wav"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


REPORT = {
    "output": {
        "path": "/srv/my demo.mp4",
        "frames": 301,
        "fps": 29.97,
        "width": 512,
        "height": 512,
        "duration_s": 10.04,
    },
    "wall_s": 7.21,
    "score": {
        "video": "my demo.mp4",
        "face": 1.0,
        "loudness": {"r": 0.41234, "lag_ms": 40},
        "reference": None,
        "verdict": {"grade": "check", "reasons": [{"text": "The mouth moves late."}]},
        "notes": [],
    },
}


def summary_of(report: dict[str, Any], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    path = folder / "report.json"
    path.write_text(json.dumps(report), encoding="utf-8")
    assert main(["summary", str(path)]) == 0
    return capsys.readouterr().out


def test_the_summary_gives_the_file_its_cost_its_grade_and_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = summary_of(REPORT, tmp_path, capsys).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "Video /srv/my demo.mp4",
        "512 × 512, 29.97 frames/s, 10.0 s, made in 7.2 s",
        "Score check",
        "The mouth moves late.",
        "face 1",
        "loudness.r 0.412",
        "loudness.lag_ms 40",
    ]


def test_the_summary_says_when_there_is_no_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = {**REPORT, "score": {}}
    assert "Score   not measured" in summary_of(report, tmp_path, capsys)
