"""The graph of the speech encoder compared with numpy, and its use on a stream of audio."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import psutil
import pytest
from scipy.special import erf

from appliance.errors import Fault
from appliance.speech.log_mel import log_mel_windows
from appliance.speech.whisper_encoder import SpeechEncoder
from appliance.speech.whisper_package import Tensor
from appliance.speech.whisper_weights import (
    GRAPH,
    WEIGHTS,
    WEIGHTS_SHA256,
    encoder_path,
    source_folder,
)
from export_tools.speech_features.build_encoder import load_means, write_graph
from tests.random_whisper import open_random_encoder, random_tensors

Array = npt.NDArray[np.float32]
Array64 = npt.NDArray[np.float64]

RATE = 16_000


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return random_tensors()


@pytest.fixture(scope="module")
def random_encoder(tmp_path_factory: pytest.TempPathFactory) -> SpeechEncoder:
    return open_random_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def real_encoder() -> SpeechEncoder:
    try:
        encoder_path()
    except Fault:
        pytest.skip("the weights are not installed (python -m appliance.speech.whisper_weights)")
    return SpeechEncoder.open()


def in_numpy(tensors: dict[str, Tensor], mel: Array) -> list[Array64]:
    """Return the features after 0, 1, … blocks, computed from the paper's description."""

    def weight(name: str) -> Array64:
        return tensors[f"encoder/{name}"].astype(np.float64)

    def gelu(x: Array64) -> Array64:
        return np.asarray(0.5 * x * (1 + erf(x / math.sqrt(2))))

    def norm(x: Array64, name: str) -> Array64:
        x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        return np.asarray(x * weight(f"{name}/gamma") + weight(f"{name}/beta"))

    def linear(x: Array64, name: str) -> Array64:
        return x @ weight(f"{name}/weight").T + weight(f"{name}/bias")

    def convolve(x: Array64, name: str, stride: int) -> Array64:
        padded = np.pad(x, ((0, 0), (1, 1)))
        taps = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
        kernel = weight(f"{name}/weight")
        summed = np.einsum("oik,itk->ot", kernel, taps, optimize=True)
        return np.asarray(summed + weight(f"{name}/bias")[:, None])

    x = gelu(convolve(gelu(convolve(mel.astype(np.float64), "conv1", 1)), "conv2", 2)).T
    x = x + weight("position_encodings/encodings")[: len(x)]
    layers = [x]
    for layer in range(3):
        name = f"layer_{layer}/self_attention"
        joined = linear(norm(x, f"{name}/layer_norm"), f"{name}/linear_0")
        mixed = []
        for head in range(8):
            query, key, value = (
                joined[:, k * 512 + head * 64 : k * 512 + head * 64 + 64] for k in range(3)
            )
            scores = np.exp(query @ key.T / 8)
            mixed.append(scores / scores.sum(1, keepdims=True) @ value)
        x = x + linear(np.concatenate(mixed, axis=1), f"{name}/linear_1")
        name = f"layer_{layer}/ffn"
        x = x + linear(
            gelu(linear(norm(x, f"{name}/layer_norm"), f"{name}/linear_0")), f"{name}/linear_1"
        )
        layers.append(x)
    return layers


def speechlike(seconds: float) -> Array:
    """Harmonics under a syllable envelope plus noise, within [-1, 1]."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 30))
    sound = tone * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) * 0.2 + rng.normal(0, 0.01, t.size)
    return np.clip(sound, -1, 1).astype(np.float32)


def stacked(encoder: SpeechEncoder, blocks: list[Array]) -> tuple[Array, Array]:
    parts = list(encoder.features(blocks))
    return np.concatenate([p.layer2 for p in parts]), np.concatenate([p.layer3 for p in parts])


class TestGraph:
    def test_is_small_valid_and_made_for_these_weights(self) -> None:
        path = source_folder() / GRAPH
        assert path.stat().st_size < 300_000
        model = onnx.load(str(path), load_external_data=False)
        assert {e.key: e.value for e in model.metadata_props}["weights_sha256"] == WEIGHTS_SHA256
        assert all(
            entry.value == WEIGHTS
            for tensor in model.graph.initializer
            for entry in tensor.external_data
            if entry.key == "location"
        )

    def test_equals_numpy(self, random_encoder: SpeechEncoder, tensors: dict[str, Tensor]) -> None:
        (window,) = log_mel_windows([speechlike(5.0)])
        outputs = random_encoder.network({"mel": window.mel[None]})
        layers, means = in_numpy(tensors, window.mel), load_means()
        for number in (2, 3):
            assert 0.3 < layers[number].std() < 10
            left, right = (means[f"layer{number}_{side}"] for side in ("left", "right"))
            expected = layers[number] - left.astype(np.float64) @ right
            assert np.abs(outputs[f"layer{number}"][0] - expected).max() < 2e-4

    def test_attention_spans_the_window(self, random_encoder: SpeechEncoder) -> None:
        (window,) = log_mel_windows([speechlike(5.0)])
        changed = window.mel.copy()
        changed[:, 600:] += 0.5
        one = random_encoder.network({"mel": window.mel[None]})["layer2"]
        other = random_encoder.network({"mel": changed[None]})["layer2"]
        assert np.abs(one - other)[0, :100].max() > 1e-4


class TestStream:
    @pytest.mark.parametrize("seconds", [0.01, 0.5, 7.0, 11.99, 12.35])
    def test_one_step_per_20_ms(self, random_encoder: SpeechEncoder, seconds: float) -> None:
        layer2, layer3 = stacked(random_encoder, [speechlike(seconds)])
        frames = 1 + round(seconds * RATE) // 160
        assert layer2.shape == layer3.shape == ((frames + 1) // 2, 512)

    def test_steps_are_those_of_their_window(self, random_encoder: SpeechEncoder) -> None:
        sound = speechlike(14.0)
        layer2, layer3 = stacked(random_encoder, [sound])
        first, second, _ = (
            random_encoder.network({"mel": w.mel[None]}) for w in log_mel_windows([sound])
        )
        assert np.array_equal(layer2[:300], first["layer2"][0, :300])
        assert np.array_equal(layer3[300:550], second["layer3"][0, 50:300])

    def test_block_size_does_not_matter(self, random_encoder: SpeechEncoder) -> None:
        sound = speechlike(9.0)
        whole = stacked(random_encoder, [sound])
        parts = stacked(random_encoder, np.array_split(sound, 37))
        for one, other in zip(whole, parts, strict=True):
            assert np.array_equal(one, other)

    def test_empty_audio_has_no_features(self, random_encoder: SpeechEncoder) -> None:
        assert list(random_encoder.features([])) == []

    def test_memory_does_not_grow_with_the_audio(self, random_encoder: SpeechEncoder) -> None:
        def blocks(seconds: int) -> Iterator[Array]:
            second = speechlike(1.0)
            for _ in range(seconds):
                yield second

        process = psutil.Process()
        for _ in random_encoder.features(blocks(15)):
            pass
        before = process.memory_info().rss
        most = max(process.memory_info().rss for _ in random_encoder.features(blocks(60)))
        assert most - before < 12_000_000


class TestInstalledWeights:
    def test_pass_the_self_test(self, real_encoder: SpeechEncoder) -> None:
        assert real_encoder.network.choice.provider == "cpu"

    def test_weights_are_the_pinned_ones(self, real_encoder: SpeechEncoder) -> None:
        weights = real_encoder.network.path.with_name(WEIGHTS).read_bytes()
        assert hashlib.sha256(weights).hexdigest() == WEIGHTS_SHA256

    def test_features_hardly_depend_on_the_position_of_the_window(
        self, real_encoder: SpeechEncoder
    ) -> None:
        sound = speechlike(16.0) * np.repeat(np.array([1, 0.2, 0.7, 0.1] * 4, np.float32), RATE)
        shift_s = 2
        for whole, later in zip(
            stacked(real_encoder, [sound]),
            stacked(real_encoder, [sound[shift_s * RATE :]]),
            strict=True,
        ):
            one, other = whole[shift_s * 50 + 60 : 600], later[60 : 600 - shift_s * 50]
            assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.95


def test_graph_can_be_rebuilt_exactly(tmp_path: Path) -> None:
    write_graph(tmp_path / GRAPH, load_means())
    assert (tmp_path / GRAPH).read_bytes() == (source_folder() / GRAPH).read_bytes()


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Fault) as caught:
        encoder_path(tmp_path)
    assert caught.value.code == "speech_encoder_missing"
    (tmp_path / GRAPH).write_bytes((source_folder() / GRAPH).read_bytes())
    (tmp_path / WEIGHTS).write_bytes(b"other")
    with pytest.raises(Fault, match=WEIGHTS):
        encoder_path(tmp_path)
