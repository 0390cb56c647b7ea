"""The motion of a whole lecture, from its sound to the file that the chunks read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.lips.speech_motion import apply_scores, widen_gate
from appliance.media.audio import audio_blocks
from appliance.render.lecture_motion import compute_motion
from appliance.render.render import MODELS_FOLDER
from appliance.speech.speech_encoder import StudentEncoder
from appliance.speech.vad import FRAME_RATE
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


def test_motion_is_that_of_the_speech_encoder(
    lecture: Path, model: LipModel, tmp_path: Path
) -> None:
    seconds: list[int] = []
    activity = compute_motion(lecture, model, tmp_path / "motion.npy", seconds.append)
    features = StudentEncoder.open().features(audio_blocks(lecture))
    values = np.concatenate(list(model.speech_motion.predict(features)))
    info = model.manifest.motion
    times = np.arange(len(values)) / info["rate_hz"] + info["offset_s"]
    expected = apply_scores(values, widen_gate(activity.gate, FRAME_RATE, times))
    assert np.array_equal(np.load(tmp_path / "motion.npy"), expected)
    assert len(expected) == pytest.approx(50 * SECONDS, abs=2)
    assert activity.gate.max() == 1
    assert seconds == sorted(seconds) and seconds[-1] == 2 * SECONDS


@pytest.mark.parametrize("kind", ["silence", "hum", "buzz", "noise", "tone", "chord"])
def test_without_speech_the_mouth_stays_shut(kind: str, model: LipModel, tmp_path: Path) -> None:
    time = np.arange(6 * 16_000) / 16_000
    sound = {
        "silence": np.zeros(len(time)),
        "hum": 0.05 * np.sin(2 * np.pi * 50 * time),
        "buzz": sum(0.05 / k * np.sin(2 * np.pi * 50 * k * time) for k in range(1, 20)),
        "noise": 0.02 * np.random.default_rng(0).normal(size=len(time)),
        "tone": 0.2 * np.sin(2 * np.pi * 440 * time),
        "chord": sum(0.1 * np.sin(2 * np.pi * pitch * time) for pitch in (220, 277, 330, 440)),
    }[kind]
    path = write_wav(tmp_path / "lecture.wav", np.asarray(sound, np.float32))
    compute_motion(path, model, tmp_path / "motion.npy", lambda second: None)
    opening = np.load(tmp_path / "motion.npy") @ model.basis.opening_direction
    assert np.abs(opening).mean() < 0.004
