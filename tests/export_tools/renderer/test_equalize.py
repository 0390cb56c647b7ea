"""Equalizing the channels before quantization does not change the outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from export_tools.renderer.equalize import equalize_weights
from export_tools.renderer.network import Renderer
from export_tools.renderer.train import split_patches

pytestmark = pytest.mark.export


def test_equalized_network_has_the_same_outputs(patches: Path) -> None:
    torch.manual_seed(0)
    network = Renderer((8, 8, 8, 16)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.1)
    stem = network.stem[0]
    assert isinstance(stem, torch.nn.Conv2d)
    with torch.no_grad():
        stem.weight[3] *= 50  # one channel dominates
    data = split_patches(patches).train
    batch = data.batch(np.random.default_rng(0), np.array([[0, 5, 3], [1, 4, 2]]), augment_off=True)
    even = equalize_weights(network, [batch])
    with torch.no_grad():
        for one, other in zip(network(*batch.inputs()), even(*batch.inputs()), strict=True):
            assert torch.allclose(one, other, atol=1e-4)
    after = even.stem[0]
    assert isinstance(after, torch.nn.Conv2d)
    loudest = [conv.weight.detach().flatten(1).norm(dim=1) for conv in (stem, after)]
    spread = [float(norms.max() / norms.median()) for norms in loudest]
    assert spread[0] > 30 and spread[1] < 12
