"""Motion of a lecture, computed from one or two decodings."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest

from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.render.lecture_motion import compute_motion
from appliance.render.render import MODELS_FOLDER
from tests.render.conftest import write_wav
from tests.talking_face import babble, voice

SECONDS = 12


@pytest.fixture(scope="module")
def lecture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sound = voice(babble(25 * SECONDS), 25, 16_000).astype(np.float32)
    return write_wav(tmp_path_factory.mktemp("lecture") / "lecture.wav", sound)


@pytest.fixture
def model() -> LipModel:
    return LipModel.open(load_manifest("lectern-lite", MODELS_FOLDER), "fp32", ["cpu"])


def test_saved_features_and_second_decoding_give_the_same_motion(
    lecture: Path, model: LipModel, tmp_path: Path
) -> None:
    ticks: list[list[int]] = [[], []]
    saved = compute_motion(lecture, model, tmp_path / "saved.npy", ticks[0].append)
    again = compute_motion(
        lecture, model, tmp_path / "again.npy", ticks[1].append, max_saved_frames=100
    )
    assert (np.load(tmp_path / "saved.npy") == np.load(tmp_path / "again.npy")).all()
    assert (saved.gate == again.gate).all() and saved.gate.max() == 1
    for seconds in ticks:
        assert seconds == sorted(seconds) and seconds[-1] == 2 * SECONDS


def test_motion_network_is_closed_before_rendering(
    lecture: Path, model: LipModel, tmp_path: Path
) -> None:
    network = weakref.ref(model.network("motion"))
    compute_motion(lecture, model, tmp_path / "motion.npy", lambda seconds: None)
    assert network() is None
