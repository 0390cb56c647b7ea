"""Motion of a lecture, computed from one or two decodings."""

from __future__ import annotations

import logging
import weakref
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from appliance.errors import Fault
from appliance.inference.manifest import load_manifest
from appliance.lips.model import LipModel
from appliance.media.audio import audio_blocks
from appliance.render import lecture_motion
from appliance.render.lecture_motion import compute_motion
from appliance.render.render import MODELS_FOLDER
from appliance.speech.whisper_encoder import SpeechEncoder
from tests.random_whisper import open_random_encoder
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


@pytest.fixture(scope="module")
def random_encoder(tmp_path_factory: pytest.TempPathFactory) -> SpeechEncoder:
    return open_random_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(params=["phonetic encoder", "speech encoder"])
def encoder(
    request: pytest.FixtureRequest, random_encoder: SpeechEncoder, monkeypatch: pytest.MonkeyPatch
) -> SpeechEncoder | None:
    """The speech encoder with random weights, or none; the motion is computed with it."""
    chosen = random_encoder if request.param == "speech encoder" else None
    monkeypatch.setattr(lecture_motion, "_open_encoder", lambda: chosen)
    return chosen


@pytest.mark.usefixtures("encoder")
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


@pytest.mark.usefixtures("encoder")
def test_motion_network_is_closed_before_rendering(
    lecture: Path, model: LipModel, tmp_path: Path
) -> None:
    network = weakref.ref(model.network("motion"))
    compute_motion(lecture, model, tmp_path / "motion.npy", lambda seconds: None)
    assert network() is None


def test_motion_is_that_of_the_speech_encoder(
    lecture: Path,
    model: LipModel,
    random_encoder: SpeechEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lecture_motion, "_open_encoder", lambda: random_encoder)
    monkeypatch.setattr(lecture_motion, "close_lips", lambda values, likely: values)
    activity = compute_motion(lecture, model, tmp_path / "motion.npy", lambda seconds: None)
    values = np.load(tmp_path / "motion.npy")
    features = random_encoder.features(audio_blocks(lecture))
    assert model.speech_motion is not None
    expected = np.concatenate(
        list(model.speech_motion.predict(np.concatenate(part, axis=1) for part in features))
    )
    assert values.shape == expected.shape
    open_frames = activity.gate[::2][: len(values)] == 1
    inner = open_frames[1:-1] & open_frames[:-2] & open_frames[2:]
    assert inner.sum() > 50
    assert np.allclose(values[1:-1][inner], expected[1:-1][inner], atol=1e-5)


def test_lips_close_where_the_phonetic_encoder_finds_p_b_and_m(
    lecture: Path,
    model: LipModel,
    random_encoder: SpeechEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    received = []

    def close(
        values: npt.NDArray[np.float32], likely: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        received.append((len(values), likely))
        return values * 0

    monkeypatch.setattr(lecture_motion, "_open_encoder", lambda: random_encoder)
    monkeypatch.setattr(lecture_motion, "close_lips", close)
    compute_motion(lecture, model, tmp_path / "motion.npy", lambda seconds: None)
    ((count, likely),) = received
    assert abs(count - len(likely)) <= 1
    assert likely.min() >= 0 and likely.max() <= 1
    assert not np.load(tmp_path / "motion.npy").any()


def test_without_weights_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> SpeechEncoder:
        raise Fault("speech_encoder_missing", name="encoder.weights")

    monkeypatch.setattr(SpeechEncoder, "open", fail)
    with caplog.at_level(logging.INFO, "lectern.render"):
        assert lecture_motion._open_encoder() is None
    assert "speech_encoder_missing" in caplog.text


def test_model_without_a_speech_motion(model: LipModel) -> None:
    files = {**model.manifest.files, "any": dict(model.manifest.files["any"])}
    del files["any"]["speech_motion"]
    older = model.manifest.model_copy(update={"files": files})
    assert LipModel(older, "fp32", ["cpu"]).speech_motion is None
    assert model.speech_motion is not None
