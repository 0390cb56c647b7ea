"""The renderer as engines get it answers as the one that was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from export_tools.renderer.deploy import DeployedRenderer, decode_outputs, deployed_inputs
from export_tools.renderer.network import Renderer
from export_tools.renderer.train import split_patches

pytestmark = pytest.mark.export


@pytest.mark.parametrize("bytes_", [False, True])
def test_the_same_flow_and_paint_and_firmer_shares(patches: Path, bytes_: bool) -> None:
    torch.manual_seed(0)
    network = Renderer((8, 16, 8, 16)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.3)
    assert network.head.bias is not None
    torch.nn.init.zeros_(network.head.bias)
    data = split_patches(patches).train
    batch = data.batch(
        np.random.default_rng(0), np.array([[0, 5, 3], [1, 4, 2]]), augment_off=False
    )
    with torch.no_grad():
        wanted = network(*batch.inputs())
        found = decode_outputs(
            DeployedRenderer(network, bytes_=bytes_)(*deployed_inputs(batch)), batch
        )
    assert torch.allclose(found.flow, wanted.flow, atol=1e-5)
    painted = found.weights[:, 2:] > 0.01
    assert painted.any() and not painted.all()
    assert torch.allclose(found.fill_y[painted], wanted.fill_y[painted], atol=1e-4)
    assert torch.allclose(found.weights.sum(1), torch.ones(2, 96, 96), atol=1e-5)
    # What is firmer than in training: the paint never gains, and the larger of the others does.
    assert torch.all(found.weights[:, 2] <= wanted.weights[:, 2] + 1e-5)
    outside = wanted.weights[:, 0] == 1
    assert outside.any() and torch.all(found.weights[:, 0][outside] == 1)
