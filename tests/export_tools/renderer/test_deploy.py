"""The deployed form of the renderer computes the same as the trained one."""

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


@pytest.mark.parametrize("for_int8", [False, True])
def test_deployed_renderer_has_the_same_flow_and_fill_and_sharper_weights(
    patches: Path, for_int8: bool
) -> None:
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
        expected = network(*batch.inputs())
        found = decode_outputs(
            DeployedRenderer(network, for_int8=for_int8)(*deployed_inputs(batch)), batch
        )
    assert torch.allclose(found.flow, expected.flow, atol=1e-5)
    filled = found.weights[:, 2:] > 0.01
    assert filled.any() and not filled.all()
    assert torch.allclose(found.fill_y[filled], expected.fill_y[filled], atol=1e-4)
    assert torch.allclose(found.weights.sum(1), torch.ones(2, 96, 96), atol=1e-5)
    # Sharper than in training: the weight of fill never grows, that of the larger other layer does.
    assert torch.all(found.weights[:, 2] <= expected.weights[:, 2] + 1e-5)
    outside = expected.weights[:, 0] == 1
    assert outside.any() and torch.all(found.weights[:, 0][outside] == 1)
