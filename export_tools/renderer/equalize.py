"""Even out the channels of a renderer before it is quantized; its answers stay the same.

An INT8 tensor has one scale for all its channels, so a channel that never grows large is rounded
away beside one that does. Between two convolutions lie only leaky rectifiers and sums, which let a
factor pass: what fills a channel is divided by it and what reads it multiplied (cross-layer
equalization, after Nagel et al. 2019, arXiv 1906.04721; here by what the channels carry, and
by half of the way, for the weights that read them must be rounded, too).
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from export_tools.renderer.data import Batch
from export_tools.renderer.network import Renderer
from export_tools.renderer.resize import channels

_POWER = 0.5
_LEAST = 1e-3  # a channel that carries nothing is left about as it is


@torch.no_grad()
def equalized(network: Renderer, batches: list[Batch]) -> Renderer:
    """A copy of ``network`` whose channels are more alike on ``batches``."""
    result = deepcopy(network).eval()
    sets = channels(result)
    largest: dict[nn.Conv2d, Tensor] = {}

    def watch(conv: nn.Module, seen: object, out: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        peak = out.abs().amax((0, 2, 3))
        largest[conv] = torch.maximum(largest.get(conv, peak), peak)

    handles = [conv.register_forward_hook(watch) for part in sets for conv in part.fill]
    for batch in batches:
        result(*batch.inputs())
    for handle in handles:
        handle.remove()
    for part in sets:
        peaks = torch.stack([largest[conv] for conv in part.fill]).amax(0).clamp(min=_LEAST)
        factor = (peaks / peaks.log().mean().exp()) ** _POWER
        for conv in part.fill:
            assert conv.bias is not None
            conv.weight /= factor[:, None, None, None]
            conv.bias /= factor
        for conv in part.read:
            conv.weight *= factor[:, None, None]
    return result
