"""Training of the renderer: resumption, resizing and distillation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from appliance.lips.shape_maps import CHANNELS
from export_tools.distill import DistillationLoss, LossWeights
from export_tools.renderer.export import load_renderer
from export_tools.renderer.network import HALF, PATCH, Renderer, count_macs
from export_tools.renderer.resize import resize
from export_tools.renderer.train import load_or_create, split_patches
from export_tools.renderer.trainer import ReconstructionLoss, Schedule, Trainer

pytestmark = pytest.mark.export

SMALL = (8, 8, 8, 16)


def sample_inputs() -> tuple[torch.Tensor, ...]:
    """Return random inputs of one sample."""
    generator = torch.Generator().manual_seed(0)
    shapes = (1, PATCH), (2, HALF), (1, PATCH), (2, HALF), (CHANNELS, HALF)
    return tuple(torch.rand(1, n, side, side, generator=generator) for n, side in shapes)


def train_renderer(folder: Path, patches: Path, steps: int, stop: int | None = None) -> Path:
    torch.manual_seed(3)
    data = split_patches(patches)
    schedule = Schedule(steps, batch=2, report=2, validation_pairs=32)
    run = Trainer(folder, Renderer(SMALL), ReconstructionLoss(), schedule)
    if stop is None:
        run.train(data.train, data.validation_sets())
    else:  # as after a power cut: the checkpoint of the last report
        for _ in range(stop):
            run.step += 1
            run._train_step(data.train)
        run._evaluate(data.validation_sets(), 0.0)
    return run.checkpoint


def test_resumed_run_ends_like_an_uninterrupted_one(tmp_path: Path, patches: Path) -> None:
    whole = load_renderer(train_renderer(tmp_path / "whole", patches, 4))
    train_renderer(tmp_path / "broken", patches, 4, stop=2)
    broken = load_renderer(train_renderer(tmp_path / "broken", patches, 4))
    for a, b in zip(whole.parameters(), broken.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    curve = [
        json.loads(line) for line in (tmp_path / "broken/curve.jsonl").read_text().splitlines()
    ]
    assert [row["step"] for row in curve] == [2, 4]
    assert all({"validation", "held_out"} <= row.keys() for row in curve)


def test_no_clip_is_in_two_parts_of_the_split(patches: Path) -> None:
    names = [set(part.names) for part in split_patches(patches)]
    assert [len(part) for part in names] == [2, 1, 1]
    assert len(set.union(*names)) == 4


def test_wider_network_has_the_same_outputs() -> None:
    torch.manual_seed(0)
    network = Renderer(SMALL).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    wider = resize(network, (16, 24, 8, 32)).eval()
    with torch.no_grad():
        for a, b in zip(network(*sample_inputs()), wider(*sample_inputs()), strict=True):
            assert torch.allclose(a, b, atol=1e-6)


def test_narrower_network_drops_the_unused_channel() -> None:
    torch.manual_seed(0)
    network = Renderer(SMALL).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    with torch.no_grad():
        network.head.weight[:, 5] = 0  # the last level's channel 5
    narrow = resize(network, (7, *SMALL[1:])).eval()
    remaining = [0, 1, 2, 3, 4, 6, 7]
    assert torch.equal(narrow.head.weight, network.head.weight[:, remaining])
    assert narrow.widths == (7, *SMALL[1:])


def test_other_depth_is_rejected() -> None:
    with pytest.raises(ValueError, match="4 widths"):
        resize(Renderer(SMALL), (8, 8, 8))


def test_run_may_start_from_another_size(tmp_path: Path, patches: Path) -> None:
    checkpoint = train_renderer(tmp_path, patches, 2)
    assert load_or_create(checkpoint, (8, 8, 8, 8)).widths == (8, 8, 8, 8)


def test_identical_teacher_adds_no_loss(patches: Path) -> None:
    torch.manual_seed(0)
    teacher = Renderer(SMALL)
    torch.nn.init.normal_(teacher.head.weight, std=0.05)
    student = resize(teacher, SMALL)
    data = split_patches(patches).train
    batch = data.batch(np.random.default_rng(0), np.array([[0, 5, 3], [1, 4, 2]]), augment_off=True)
    reconstruction = ReconstructionLoss()(student(*batch.inputs()), batch)
    helped = DistillationLoss(student, teacher, LossWeights(feature=0.0))
    assert torch.allclose(helped(student(*batch.inputs()), batch), reconstruction, atol=1e-5)
    with torch.no_grad():
        assert student.head.bias is not None
        student.head.bias[0] += 0.5  # flow to the side
    out = student(*batch.inputs())
    assert helped(out, batch).item() > ReconstructionLoss()(out, batch).item() + 0.01


def test_teacher_is_neither_changed_nor_saved(tmp_path: Path, patches: Path) -> None:
    teacher, student = Renderer((16, 16, 16, 16)), Renderer(SMALL)
    before = [p.clone() for p in teacher.parameters()]
    objective = DistillationLoss(student, teacher)
    data = split_patches(patches)
    run = Trainer(tmp_path, student, objective, Schedule(2, batch=2, report=2, validation_pairs=32))
    projection = next(objective.projections.parameters()).clone()
    run.train(data.train, data.validation_sets())
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.parameters(), strict=True))
    assert not torch.equal(projection, next(objective.projections.parameters()))
    remaining = torch.load(run.checkpoint, weights_only=True)["objective"]
    assert remaining and all(name.startswith("projections.") for name in remaining)


def test_macs_of_the_shipped_network() -> None:
    assert (
        count_macs(Renderer(), sample_inputs()) < 73_000_000
    )  # with 1.8 M of the motion: below Nota's
