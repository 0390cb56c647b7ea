"""The lecture heard, in one decoding or in two."""

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


def test_what_was_kept_and_what_is_decoded_again_say_the_same(
    lecture: Path, model: LipModel, tmp_path: Path
) -> None:
    ticks: list[list[int]] = [[], []]
    kept = compute_motion(lecture, model, tmp_path / "kept.npy", ticks[0].append)
    again = compute_motion(
        lecture, model, tmp_path / "again.npy", ticks[1].append, max_saved_frames=100
    )
    assert (np.load(tmp_path / "kept.npy") == np.load(tmp_path / "again.npy")).all()
    assert (kept.gate == again.gate).all() and kept.gate.max() == 1
    for heard in ticks:
        assert heard == sorted(heard) and heard[-1] == 2 * SECONDS


def test_the_network_that_heard_takes_no_memory_from_the_pictures(
    lecture: Path, model: LipModel, tmp_path: Path
) -> None:
    network = weakref.ref(model.network("motion"))
    compute_motion(lecture, model, tmp_path / "motion.npy", lambda seconds: None)
    assert network() is None
