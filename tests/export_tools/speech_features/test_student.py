"""The student as a network: its size, its timing and its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from appliance.inference.network import Network
from appliance.speech.log_mel import CONTEXT_FRAMES, WINDOW_FRAMES
from appliance.speech.speech_encoder import INPUT, OUTPUT
from appliance.speech.whisper_weights import WEIGHTS, join_weights
from export_tools.flops import measure_cost
from export_tools.speech_features.export_student import export, load_student
from export_tools.speech_features.student import COMPONENTS, Student
from export_tools.speech_features.train_student import save_weights, start_from_regression
from tests.random_whisper import random_tensors

pytestmark = [
    pytest.mark.export,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:Constant folding:UserWarning"),
]

_LAST_LAYERS = ("leave.weight", "narrow.weight")


@pytest.fixture
def student() -> Student:
    torch.manual_seed(0)
    network = Student().eval()
    with torch.no_grad():  # a new block changes nothing
        for name, value in network.named_parameters():
            if name.endswith(_LAST_LAYERS):
                value.normal_(0, 0.05)
    return network


def test_file_computes_the_same_within_eight_bits(student: Student, tmp_path: Path) -> None:
    export(student, tmp_path / "student.onnx")
    mel = np.random.default_rng(0).normal(0, 0.5, (1, 80, WINDOW_FRAMES)).astype(np.float32)
    found = Network(tmp_path / "student.onnx")({INPUT: mel})[OUTPUT]
    with torch.inference_mode():
        expected = student(torch.from_numpy(mel)).numpy()
    assert found.shape == expected.shape == (1, WINDOW_FRAMES // 2, COMPONENTS)
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.02 * expected.std()
    assert (tmp_path / "student.onnx").stat().st_size < 3_000_000


def test_budget(student: Student, tmp_path: Path) -> None:
    export(student, tmp_path / "student.onnx")
    assert sum(p.numel() for p in student.parameters()) <= 3_000_000
    assert measure_cost(tmp_path / "student.onnx").macs / 125 <= 10_000_000


def test_an_event_changes_the_steps_around_it_equally(student: Student) -> None:
    mel = torch.zeros(1, 80, WINDOW_FRAMES)
    changed = mel.clone()
    changed[:, :, 300] += 1.0
    with torch.no_grad():
        student.pool.leave.weight.zero_()  # without what is the same in the whole window
        change = (student(changed) - student(mel))[0].abs().sum(1).numpy()
    reached = np.flatnonzero(change > 1e-6)
    assert abs((reached[0] + reached[-1]) / 2 - 150) <= 0.5
    assert 40 <= reached[-1] - 150 <= CONTEXT_FRAMES // 2


def test_average_reaches_the_whole_window(student: Student) -> None:
    mel = torch.zeros(1, 80, WINDOW_FRAMES)
    changed = mel.clone()
    changed[:, :, 600:] += 1.0
    with torch.no_grad():
        change = (student(changed) - student(mel))[0, :100].abs().max()
    assert change > 1e-4


def test_stem_is_that_of_the_teacher(student: Student, tmp_path: Path) -> None:
    tensors = random_tensors()
    (tmp_path / WEIGHTS).write_bytes(join_weights(tensors))
    student.stem.load(tmp_path / WEIGHTS)
    for name, value in student.stem.named_parameters():
        expected = tensors[f"encoder/{name.replace('.', '/')}"].astype(np.float32)
        assert np.array_equal(value.numpy(), expected)
        assert not value.requires_grad


def test_start_is_a_regression_on_the_stem(student: Student) -> None:
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for name, value in student.named_parameters():
            if name.endswith(_LAST_LAYERS):
                value.zero_()
    mel = rng.normal(0, 0.5, (2, 80, WINDOW_FRAMES)).astype(np.float32)
    with torch.inference_mode():
        stem = student.stem(torch.from_numpy(mel)).numpy()
    targets = (stem @ rng.normal(0, 1, (stem.shape[2], COMPONENTS))).astype(np.float32)
    targets /= targets.std()
    start_from_regression(student, [(mel, targets, np.ones(mel.shape[:2], np.float32))])
    with torch.inference_mode():
        found = student(torch.from_numpy(mel)).numpy()
    assert np.mean((found - targets) ** 2) < 0.6 * targets.var()


def test_checkpoint_is_read_back(student: Student, tmp_path: Path) -> None:
    save_weights(tmp_path / "student.pt", student.state_dict(), 7)
    again = load_student(tmp_path / "student.pt")
    for one, other in zip(student.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    assert [p.name for p in tmp_path.iterdir()] == ["student.pt"]
