"""Jitter of resting lips: the selection of steps, and the comparison with the real video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export_tools.stillness import rms_movement, still_jitter, still_steps
from tests import talking_face

pytestmark = pytest.mark.export


def noisy(frames: int, spread: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, spread, (frames, 40, 2))


def test_drifting_lips_are_excluded() -> None:
    silent = np.ones(40, np.bool_)
    trembling = noisy(40, 0.004)
    assert still_steps(trembling, silent)[2:36].all()
    shutting = trembling.copy()
    shutting[20:, :, 1] += 0.05  # the mouth moves once, to another rest position
    found = still_steps(shutting, silent)
    assert not found[18:22].any() and found[2:16].all() and found[24:36].all()
    silent[10] = False
    assert not still_steps(trembling, silent)[9:11].any()
    trembling[30] = np.nan  # no face
    assert not still_steps(trembling, silent)[28:32].any()


def test_movement_is_the_root_mean_square_of_the_selected_steps() -> None:
    lips = np.zeros((12, 40, 2))
    lips[1::2, :, 0] = 0.003
    steps = np.ones(11, np.bool_)
    assert rms_movement(lips, steps) == pytest.approx(0.003)
    lips[11] = 1.0
    steps[10] = False
    assert rms_movement(lips, steps) == pytest.approx(0.003)
    assert rms_movement(lips, np.arange(11) < 4) is None


def test_trembling_in_pauses_increases_the_jitter(tmp_path: Path) -> None:
    frames = 50
    openings = talking_face.babble(frames)
    openings[20:] = 0.0
    sound = talking_face.voice(openings)
    shaken = openings.copy()
    shaken[26::2] = 0.04
    real, made = tmp_path / "real.mp4", tmp_path / "made.mp4"
    for path, track in ((real, openings), (made, shaken)):
        talking_face.write_video(path, talking_face.talking(track), sound=sound)
    unchanged = still_jitter(real, real)
    assert unchanged["jitter"] == unchanged["jitter_source"] and unchanged["jitter_ratio"] == 1.0
    found = still_jitter(made, real)
    assert found["jitter_source"] == unchanged["jitter_source"]
    assert (found["jitter_ratio"] or 0) > 3
