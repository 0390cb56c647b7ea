"""Encoder and motion network: bounded context, checkpoints, and the common ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import onnxruntime
import torch

from appliance.inference.network import Network
from appliance.lips.motion import predict_motion
from appliance.speech.mel import LECTERN_MEL, compute_mel
from export_tools.phonetics import augment
from export_tools.phonetics.encoder import CONTEXT_MELS, Encoder, load_encoder
from export_tools.phonetics.inventory import CLASSES, INDEX
from export_tools.phonetics.motion import CONTEXT_STEPS, LipClosure, MotionEnsemble, MotionNet
from export_tools.phonetics.train_encoder import rate_at, save
from export_tools.phonetics.train_motion import MotionModel, export

pytestmark = pytest.mark.export


@pytest.fixture
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder().eval()


def sound(frames: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(-4, 3, (1, 80, frames)).astype(np.float32))


@pytest.mark.parametrize("frames", [2, 3, 100, 101])
def test_encoder_outputs_probabilities_at_half_the_rate(encoder: Encoder, frames: int) -> None:
    with torch.inference_mode():
        out = encoder(sound(frames))
    assert out.shape == (1, len(CLASSES), frames // 2)
    assert torch.allclose(out.sum(1), torch.ones(1, frames // 2), atol=1e-5)


def test_encoder_context_is_bounded(encoder: Encoder) -> None:
    one, other = sound(600), sound(600, seed=1)
    middle = 150  # output step of mel frame 300
    other[..., 300 - CONTEXT_MELS : 301 + CONTEXT_MELS] = one[
        ..., 300 - CONTEXT_MELS : 301 + CONTEXT_MELS
    ]
    with torch.inference_mode():
        a, b = encoder(one)[0, :, middle], encoder(other)[0, :, middle]
    assert torch.allclose(a, b, atol=1e-6)


def test_encoder_ignores_the_recording_level(encoder: Encoder) -> None:
    mel = sound(300)
    with torch.inference_mode():
        assert torch.allclose(encoder(mel), encoder(mel - 5.0), atol=1e-4)


def test_motion_network_context_is_bounded() -> None:
    torch.manual_seed(0)
    network = MotionNet(4).eval().double()  # float32 sums depend on how threads share them
    shape = (1, len(CLASSES), 99)
    one, other = torch.rand(shape).double(), torch.rand(shape).double()
    span = slice(50 - CONTEXT_STEPS, 51 + CONTEXT_STEPS)
    other[..., span] = one[..., span]
    quiet = torch.zeros(1, 99).double()
    with torch.inference_mode():
        a, b = network(one, quiet)[0, :, 50], network(other, quiet)[0, :, 50]
    assert torch.allclose(a, b, rtol=0, atol=1e-9)


def test_lips_close_only_at_a_certain_closure() -> None:
    motion = torch.ones(1, 4, 40)
    posteriors = torch.zeros(1, len(CLASSES), 40)
    posteriors[:, INDEX["AA"]] = 1.0
    posteriors[:, INDEX["AA"], 20:24] = 0.0
    posteriors[:, INDEX["P"], 20:24] = 1.0
    out = LipClosure()(motion, posteriors)[0, 0]
    assert torch.all(out[21:23] < 0.01)
    assert torch.all(out[:19] > 0.99)
    assert torch.all(out[25:] > 0.99)
    assert out.diff().abs().max() < 0.6  # gradually, not in one step


def test_checkpoint_is_loaded(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "encoder.pt"
    state = {"format": 1, "classes": list(CLASSES), "weights": encoder.state_dict()}
    save(path, state)
    again = load_encoder(path)
    with torch.inference_mode():
        assert torch.equal(again(sound(50)), encoder(sound(50)))
    save(path, {**state, "classes": ["A"]})
    with pytest.raises(ValueError, match="other classes"):
        load_encoder(path)
    assert [p.name for p in tmp_path.iterdir()] == ["encoder.pt"]


def test_learning_rate_rises_then_falls() -> None:
    rates = [rate_at(step, 1000, 1.0) for step in range(1001)]
    assert np.argmax(rates) in range(190, 210)
    assert rates[0] < 0.01
    assert rates[-1] == pytest.approx(0.01)


# The older exporter writes opset 17, which TensorRT on the device reads.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Constant folding:UserWarning")
def test_exported_network_gives_the_same_in_blocks(encoder: Encoder, tmp_path: Path) -> None:
    """Processing in blocks on the device equals torch on the whole input, up to rounding."""
    torch.manual_seed(1)
    members = [MotionNet(4).eval(), MotionNet(4).eval()]
    model = MotionModel(encoder, MotionEnsemble(members)).eval()
    export(model, tmp_path / "motion.onnx")
    session = onnxruntime.InferenceSession(
        str(tmp_path / "motion.onnx"), providers=["CPUExecutionProvider"]
    )
    facts = session.get_modelmeta().custom_metadata_map
    context, stride = int(facts["context_frames"]), int(facts["stride"])
    assert (float(facts["rate_hz"]), stride) == (50.0, 2)

    frames = 7000  # two blocks and a bit
    mel, loudness = sound(frames), torch.rand(1, frames)
    with torch.inference_mode():
        whole = model(mel, loudness)[0][0].T.numpy()
    features = np.concatenate([mel[0].numpy(), loudness.numpy()])
    pieces = (features[:, i : i + 777] for i in range(0, frames, 777))
    network = Network(tmp_path / "motion.onnx")
    blocks = np.concatenate(list(predict_motion(network, pieces, context, stride)))
    assert blocks.shape == whole.shape
    assert np.abs(blocks - whole).max() < 1e-4


def test_training_mel_equals_that_of_the_device() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, 20_000).astype(np.float32)
    assert np.abs(augment.warped_mel(samples) - compute_mel(samples, LECTERN_MEL)).max() < 1e-3


def test_longer_vocal_tract_lowers_the_formants() -> None:
    t = np.arange(16_000) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 2000 * t)).astype(np.float32)
    peaks = [int(augment.warped_mel(tone, percent).mean(1).argmax()) for percent in (86, 100, 116)]
    assert peaks[0] < peaks[1] < peaks[2]


def test_augmentation_is_reproducible_and_keeps_the_time() -> None:
    click = np.zeros(augment.CROP_SAMPLES, np.float32)
    click[30_000] = 1.0
    strength = augment.AugmentConfig(p_noise=0.0, p_reverb=1.0)
    one = augment.add_room_and_noise(click, np.random.default_rng(5), strength)
    two = augment.add_room_and_noise(click, np.random.default_rng(5), strength)
    assert np.array_equal(one, two)
    assert np.abs(one).argmax() == 30_000
