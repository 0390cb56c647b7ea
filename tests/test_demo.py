"""The demo's sample is real material, and its summary says what a person wants to know."""

from __future__ import annotations

import json
import wave
from pathlib import Path

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


def test_the_summary_gives_the_file_its_cost_and_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = {
        "output": {
            "path": "/srv/my demo.mp4",
            "frames": 250,
            "fps": 29.97,
            "width": 512,
            "height": 512,
            "duration_s": 10.04,
        },
        "wall_s": 7.21,
        "score": {"sync": {"r": 0.81234, "lag_ms": 40}, "seam": None, "verdict": "good"},
    }
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report))
    assert main(["summary", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["Video", "/srv/my", "demo.mp4"]
    assert " ".join(lines[1]) == "512 × 512, 29.97 frames/s, 10.0 s, made in 7.2 s"
    assert lines[2:] == [
        ["Score"],
        ["sync.r", "0.812"],
        ["sync.lag_ms", "40"],
        ["seam", "not", "measured"],
        ["verdict", "good"],
    ]
