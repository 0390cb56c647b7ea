"""The training of the student: its loss, its batches, and a whole run."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from appliance.config import PROJECT
from appliance.lips.speech_motion import SpeechMotion
from appliance.speech.whisper_weights import WEIGHTS, default_folder
from export_tools.phonetics.corpus import RATE
from export_tools.speech_features.export_student import load_student
from export_tools.speech_features.student_data import write_shard
from export_tools.speech_features.train_student import STEPS, Loss, batches

pytestmark = pytest.mark.export

COMPONENTS, FEATURES, COEFFICIENTS = 256, 1024, 10


@pytest.fixture(scope="module")
def projection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("projection") / "projection.npz"
    matrix = np.linalg.qr(rng.normal(size=(FEATURES, COMPONENTS)))[0].astype(np.float16)
    deviation = np.linspace(2.0, 0.2, COMPONENTS).astype(np.float32)
    np.savez(path, matrix=matrix, bias=np.zeros(COMPONENTS, np.float32), deviation=deviation)
    return path


@pytest.fixture(scope="module")
def readout() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, (3, COMPONENTS, COEFFICIENTS))


@pytest.fixture(scope="module")
def motion(readout: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A motion that is ``readout`` of the components."""
    path = tmp_path_factory.mktemp("motion") / "motion.npz"
    bias = np.zeros(COEFFICIENTS, np.float32)
    matrices = readout.astype(np.float32)
    SpeechMotion(matrices, np.array([-4, 0, 4]), bias, bias).save(path)
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    for name in ("speech-00", "foreign-00"):
        sound = (3000 * rng.standard_normal(20 * RATE)).astype(np.int16)
        targets = rng.standard_normal((20 * 50, COMPONENTS)).astype(np.float16)
        write_shard(tmp_path, name, sound, sound, targets, ["noise"])
    return tmp_path


def test_loss_is_zero_for_the_targets(projection: Path, motion: Path) -> None:
    targets = torch.randn(2, STEPS, COMPONENTS)
    parts = Loss(projection, motion)(targets, targets, torch.ones(2, STEPS))
    assert [float(part) for part in parts] == [0.0, 0.0]


def test_motion_is_what_the_teachers_motion_reads(
    projection: Path, motion: Path, readout: np.ndarray
) -> None:
    values = torch.randn(1, 40, COMPONENTS)
    found = Loss(projection, motion).motion(values)[0, :, :COEFFICIENTS].numpy()
    z = values[0].numpy()
    expected = z[:-8] @ readout[0] + z[4:-4] @ readout[1] + z[8:] @ readout[2]
    assert np.abs(found - expected).max() < 0.02 * expected.std()


def test_no_skill_costs_two_units_of_motion(projection: Path, motion: Path) -> None:
    targets = torch.randn(4, STEPS, COMPONENTS)
    loss = Loss(projection, motion)
    _, cost = loss(torch.zeros_like(targets), targets, torch.ones(4, STEPS))
    assert abs(float(cost) - 2.0) < 0.1


def test_steps_without_weight_do_not_count(projection: Path, motion: Path) -> None:
    targets = torch.randn(1, STEPS, COMPONENTS)
    predicted = targets.clone()
    predicted[:, 300:] += 1.0
    weights = torch.ones(1, STEPS)
    weights[:, 290:] = 0.0
    parts = Loss(projection, motion)(predicted, targets, weights)
    assert [float(part) for part in parts] == [0.0, 0.0]


def test_batches_depend_on_the_seed_alone(work: Path) -> None:
    one, again, other = (list(islice(batches(work, 2, seed), 2)) for seed in (1, 1, 2))
    for a, b, c in zip(one, again, other, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        assert not np.array_equal(a[0], c[0])


@pytest.mark.slow
@pytest.mark.skipif(
    not (default_folder() / WEIGHTS).is_file(), reason="needs whisper-base: ./setup.sh speech"
)
def test_a_short_run_learns_and_writes_its_record(
    work: Path, projection: Path, motion: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "export_tools.speech_features.train_student", str(work)]
    command += ["--projection", str(projection), "--motion", str(motion), "--out", str(out)]
    subprocess.run([*command, "--minutes", "0.2", "--batch", "1"], check=True, cwd=PROJECT)
    record = json.loads((out / "curve.json").read_text())
    assert record["shards"] == ["foreign-00", "speech-00"]
    assert record["settings"]["seed"] == 1
    assert not any("/" in word for word in record["command"])
    assert torch.isfinite(load_student(out / "student.pt").head.weight).all()
