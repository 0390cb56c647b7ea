"""Equalize the channels of a renderer before quantization, without changing its output.

An INT8 tensor has one scale for all channels, so that channels with small values lose precision
beside channels with large ones. There are only leaky rectifiers and sums between two convolutions,
and these preserve a positive factor: the weights that write a channel can be divided by a factor
and those that read it multiplied by it (cross-layer equalization, after Nagel et al. 2019, arXiv
1906.04721). Here the factor is derived from the activations, and only half of the difference is
equalized, because the weights that read the channels are quantized, too.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from export_tools.renderer.data import Batch
from export_tools.renderer.network import Renderer
from export_tools.renderer.resize import channel_sets

_POWER = 0.5
_MIN_PEAK = 1e-3  # lower bound of a peak, so that an unused channel is hardly changed


@torch.no_grad()
def equalize_weights(network: Renderer, batches: list[Batch]) -> Renderer:
    """Return a copy of ``network`` whose channels have more similar ranges on ``batches``."""
    result = deepcopy(network).eval()
    sets = channel_sets(result)
    peaks_by_conv: dict[nn.Conv2d, Tensor] = {}

    def record_peak(conv: nn.Module, inputs: object, out: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        peak = out.abs().amax((0, 2, 3))
        peaks_by_conv[conv] = torch.maximum(peaks_by_conv.get(conv, peak), peak)

    handles = [conv.register_forward_hook(record_peak) for part in sets for conv in part.writers]
    for batch in batches:
        result(*batch.inputs())
    for handle in handles:
        handle.remove()
    for part in sets:
        peaks = (
            torch.stack([peaks_by_conv[conv] for conv in part.writers]).amax(0).clamp(min=_MIN_PEAK)
        )
        factor = (peaks / peaks.log().mean().exp()) ** _POWER
        for conv in part.writers:
            assert conv.bias is not None
            conv.weight /= factor[:, None, None, None]
            conv.bias /= factor
        for conv in part.readers:
            conv.weight *= factor[:, None, None]
    return result
