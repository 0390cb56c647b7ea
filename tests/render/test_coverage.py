"""The check before the start and the finished video agree on the frames that are changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.config import Config
from appliance.media.probe import probe_presenter
from appliance.render.coverage import measure_coverage
from appliance.render.presenter_analysis import analyse_presenter
from appliance.render.render import render
from tests.render.conftest import settings, write_wav
from tests.talking_face import babble, talking, voice, write_video


@pytest.mark.parametrize("missing", [(), range(30, 52)])
def test_coverage_is_that_of_rendering(
    tmp_path: Path, tiny_model: Path, missing: range | tuple[int, ...]
) -> None:
    images = list(talking(babble(75, seed=1)))
    for index in missing:
        images[index] = np.full_like(images[0], 90)
    presenter = write_video(tmp_path / "a.mp4", images)
    lecture = write_wav(tmp_path / "a.wav", voice(babble(75, seed=2)))
    config = settings(lips={"model": str(tiny_model)})
    report = render(presenter, lecture, tmp_path / "out.mp4", config)
    info = probe_presenter(presenter)
    person, _ = analyse_presenter(info, 0, 1)
    found = measure_coverage(info, person, Config().face, 75)
    assert found.error == 0
    assert found.share == pytest.approx(report["face"]["coverage"], abs=0.03)
    assert found.share == pytest.approx(1 - len(missing) / 75, abs=0.08)
