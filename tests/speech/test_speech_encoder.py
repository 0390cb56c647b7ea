"""The student that the repository contains, and its teacher projected to the same components."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import psutil
import pytest

from appliance.errors import Fault
from appliance.speech import speech_encoder
from appliance.speech.log_mel import log_mel_windows
from appliance.speech.speech_encoder import (
    COMPONENTS,
    DESCRIPTION,
    GRAPH,
    INPUT,
    OUTPUT,
    PROJECTION,
    StudentEncoder,
    TeacherEncoder,
    load_projection,
    model_folder,
)
from appliance.speech.whisper_encoder import SpeechEncoder
from appliance.speech.whisper_weights import encoder_path
from tests.random_whisper import open_random_encoder

Array = npt.NDArray[np.float32]

RATE = 16_000


@pytest.fixture(scope="module")
def student() -> StudentEncoder:
    return StudentEncoder.open()


@pytest.fixture(scope="module")
def random_encoder(tmp_path_factory: pytest.TempPathFactory) -> SpeechEncoder:
    return open_random_encoder(tmp_path_factory.mktemp("encoder"))


def speechlike(seconds: float, seed: int = 0) -> Array:
    """Harmonics under a syllable envelope plus noise, within [-1, 1]."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    pitch = 130 + 20 * np.sin(2 * np.pi * 0.7 * t)
    tone = sum(np.sin(2 * np.pi * k * np.cumsum(pitch) / RATE) / k for k in range(1, 30))
    sound = tone * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) * 0.2 + rng.normal(0, 0.003, t.size)
    return np.clip(sound, -1, 1).astype(np.float32)


def components(encoder: StudentEncoder | TeacherEncoder, blocks: list[Array]) -> Array:
    return np.concatenate(list(encoder.features(blocks)))


class TestStudent:
    def test_passes_its_self_test(self, student: StudentEncoder) -> None:
        assert student.network.choice.provider == "cpu"

    def test_files_are_those_of_the_description(self) -> None:
        description = json.loads((model_folder() / DESCRIPTION).read_text(encoding="utf-8"))
        assert description["files"].keys() == {GRAPH, PROJECTION}
        for name, digest in description["files"].items():
            assert hashlib.sha256((model_folder() / name).read_bytes()).hexdigest() == digest

    def test_is_within_its_budget(self) -> None:
        description = json.loads((model_folder() / DESCRIPTION).read_text(encoding="utf-8"))
        model = onnx.load(str(model_folder() / GRAPH))
        stored = sum(
            int(np.prod(t.dims)) for t in model.graph.initializer if not t.name.endswith("_scale")
        )
        assert description["parameters"] <= 3_000_000
        assert abs(stored - description["parameters"]) < 100
        assert description["multiply_accumulates_per_frame"] <= 10_000_000
        assert (model_folder() / GRAPH).stat().st_size <= 3_000_000

    @pytest.mark.parametrize("seconds", [0.01, 0.5, 7.0, 11.99, 12.35])
    def test_one_step_per_20_ms(self, student: StudentEncoder, seconds: float) -> None:
        frames = 1 + round(seconds * RATE) // 160
        found = components(student, [speechlike(seconds)])
        assert found.shape == ((frames + 1) // 2, COMPONENTS)
        assert found.dtype == np.float32

    def test_steps_are_those_of_their_window(self, student: StudentEncoder) -> None:
        sound = speechlike(14.0)
        found = components(student, [sound])
        first, second, _ = (
            student.network({INPUT: w.mel[None]})[OUTPUT][0] for w in log_mel_windows([sound])
        )
        assert np.array_equal(found[:300], first[:300])
        assert np.array_equal(found[300:550], second[50:300])

    def test_block_size_does_not_matter(self, student: StudentEncoder) -> None:
        sound = speechlike(9.0)
        whole = components(student, [sound])
        assert np.array_equal(whole, components(student, np.array_split(sound, 37)))

    def test_empty_audio_has_no_features(self, student: StudentEncoder) -> None:
        assert list(student.features([])) == []

    def test_features_hardly_depend_on_the_position_of_the_window(
        self, student: StudentEncoder
    ) -> None:
        sound = speechlike(16.0) * np.repeat(np.array([1, 0.2, 0.7, 0.1] * 4, np.float32), RATE)
        whole, later = (components(student, [s]) for s in (sound, sound[2 * RATE :]))
        assert np.corrcoef(whole[160:600].ravel(), later[60:500].ravel())[0, 1] > 0.95

    def test_level_hardly_matters(self, student: StudentEncoder) -> None:
        loud, quiet = (components(student, [speechlike(6.0) * k]) for k in (1.0, 0.1))
        assert np.corrcoef(loud.ravel(), quiet.ravel())[0, 1] > 0.9

    def test_memory_does_not_grow_with_the_audio(self, student: StudentEncoder) -> None:
        def blocks(seconds: int) -> Iterator[Array]:
            second = speechlike(1.0)
            for _ in range(seconds):
                yield second

        process = psutil.Process()
        for _ in student.features(blocks(15)):
            pass
        before = process.memory_info().rss
        most = max(process.memory_info().rss for _ in student.features(blocks(60)))
        assert most - before < 12_000_000


class TestTeacher:
    def test_components_are_the_projected_layers(self, random_encoder: SpeechEncoder) -> None:
        matrix, bias = load_projection()
        assert matrix.shape == (1024, COMPONENTS) and bias.shape == (COMPONENTS,)
        sound = speechlike(8.0)
        found = components(TeacherEncoder(random_encoder, matrix, bias), [sound])
        layers = [
            np.concatenate(part) for part in zip(*random_encoder.features([sound]), strict=True)
        ]
        half = COMPONENTS // 2
        for number, layer in enumerate(layers):
            columns = slice(number * half, (number + 1) * half)
            rows = slice(number * 512, (number + 1) * 512)
            expected = layer.astype(np.float64) @ matrix[rows, columns] + bias[columns]
            assert np.abs(found[:, columns] - expected).max() < 1e-3

    def test_student_agrees_with_it(self, student: StudentEncoder) -> None:
        try:
            encoder_path()
        except Fault:
            pytest.skip("the teacher is not installed (python -m appliance.speech.whisper_weights)")
        sound = speechlike(10.0)
        one, other = (components(e, [sound]) for e in (student, TeacherEncoder.open()))
        assert np.corrcoef(one[:, :16].ravel(), other[:, :16].ravel())[0, 1] > 0.6

        def agreement(shift: int) -> float:
            a, b = one[50 + shift : 450 + shift, :16], other[50:450, :16]
            return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

        assert max(range(-6, 7), key=agreement) == 0


class TestDamage:
    def test_damaged_student_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in (GRAPH, DESCRIPTION):
            (tmp_path / name).write_bytes((model_folder() / name).read_bytes())
        model = onnx.load(str(tmp_path / GRAPH))
        for tensor in model.graph.initializer:
            if len(tensor.raw_data) > 100_000:
                tensor.raw_data = bytes(len(tensor.raw_data))
        onnx.save(model, str(tmp_path / GRAPH))
        monkeypatch.setattr(speech_encoder, "model_folder", lambda: tmp_path)
        with pytest.raises(Fault) as caught:
            StudentEncoder.open()
        assert caught.value.code == "inference_failed"
