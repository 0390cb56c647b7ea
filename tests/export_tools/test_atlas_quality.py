from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from export_tools.atlas_quality import MouthLooks, compare, jump_ratio, look_at
from tests.talking_face import babble, talking, write_video

FRAMES = 30


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> MouthLooks:
    images = talking(babble(FRAMES, seed=5))
    return look_at(write_video(tmp_path_factory.mktemp("real") / "real.mp4", images))


def test_openings_are_read_from_the_video(real: MouthLooks) -> None:
    assert real.seen.all()
    assert np.corrcoef(real.opening, babble(FRAMES, seed=5))[0, 1] > 0.9


def test_a_video_compared_with_itself_is_perfect(real: MouthLooks) -> None:
    row = compare(real, real, np.arange(FRAMES), real.opening)
    assert (row["r"], row["amplitude"], row["flicker"]) == (1, 1, 1)
    assert row["pale"] <= 0.1 and row["bright"] <= 0.05
    assert row["sharpness"] == pytest.approx(1, abs=0.15)


def test_faults_are_seen(real: MouthLooks) -> None:
    pale = replace(real, redness=real.redness - 0.1, brightness=real.brightness * 2)
    row = compare(pale, real, np.arange(FRAMES), real.opening / 2)
    assert row["pale"] > 0.9
    assert row["bright"] > 0.5
    assert row["amplitude"] == pytest.approx(2, abs=0.01)


def test_a_visible_jump_raises_the_ratio(real: MouthLooks, tmp_path: Path) -> None:
    patches = real.patches.copy()
    patches[15:] += 40
    jumps = np.zeros(FRAMES - 1, bool)
    jumps[14] = True
    frames = np.arange(FRAMES)
    assert jump_ratio(real, real, frames, jumps) == pytest.approx(1)
    assert jump_ratio(replace(real, patches=patches), real, frames, jumps) > 3
