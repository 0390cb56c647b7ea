"""A trained renderer rearranged for inference: the same output with fewer and cheaper operations.

* Linear operations after the last convolution (differences of logits, units) are folded into it;
  nonlinear ones are computed by ``appliance.lips.renderer_io.decode_output``, only between the
  lips.
* The space-to-depth of the luma and the following 3 × 3 convolution become one 6 × 6 convolution of
  stride two, because rearranging floats in memory is expensive. Rearranging bytes is cheap, but
  gathering them for such a large kernel is expensive, so the network for quantization keeps both
  operations.
* All channels of the head have about the same range, so that one INT8 scale fits all of them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from appliance.lips.renderer_io import CHANNELS, FLOW_SCALE, MAX_LOGIT, decode_output
from appliance.lips.shape_maps import SIZE
from export_tools.renderer.data import Batch
from export_tools.renderer.network import FLOW_UNIT, LOGIT_GAIN, RenderedPatch, Renderer

_UNUSED_CHANNELS = CHANNELS - 18


class DeployedRenderer(nn.Module):
    """The renderer ``network`` for inference.

    Maps luma (B, 2, 96, 96) and cells (B, 16, 48, 48) to the output (B, 24, 48, 48) described in
    ``appliance.lips.renderer_io``. ``for_int8`` arranges it for INT8 quantization.
    """

    def __init__(self, network: Renderer, *, for_int8: bool = False) -> None:
        super().__init__()
        self.stem = _Int8Stem(network) if for_int8 else _FloatStem(network)
        self.down, self.bottom = network.down, network.bottom
        self.squeeze, self.up = network.squeeze, network.up
        sizes = [(w, SIZE >> k + 1) for k, w in enumerate(network.widths[:-1])][::-1]
        self.enlarge = [partial(_upsample_planes, *s) if for_int8 else _upsample for s in sizes]
        self.head = _fold_head(network.head)

    def forward(self, luma: Tensor, cells: Tensor) -> Tensor:
        skips = [self.stem(luma, cells)]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = self.bottom(skips.pop())
        for squeeze, enlarge, up in zip(self.squeeze, self.enlarge, self.up, strict=True):
            x = up(enlarge(squeeze(x)) + skips.pop())
        output: Tensor = self.head(x)
        return output


def deployed_inputs(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the inputs of the deployed network for ``batch``: luma and cells."""
    luma = torch.cat([batch.source_y, batch.reference_y], 1) - 0.5
    chroma = torch.cat([batch.source_uv, batch.reference_uv], 1) - 0.5
    return luma, torch.cat([chroma, batch.maps], 1)


def decode_outputs(output: Tensor, batch: Batch) -> RenderedPatch:
    """Decode the outputs (B, 24, 48, 48) for ``batch`` as the device does, but as tensors."""
    found = [
        decode_output(one, maps)
        for one, maps in zip(output.numpy(), batch.maps.numpy(), strict=True)
    ]

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(one, name) for one in found]))

    fill_y, fill_uv = stacked("fill_y")[:, None], stacked("fill_uv").permute(0, 3, 1, 2)
    flow, weights = (stacked(name).permute(0, 3, 1, 2) for name in ("flow", "weights"))
    return RenderedPatch(flow, weights, fill_y, fill_uv)


class _FloatStem(nn.Module):
    """The stem for float precision.

    The channels of the trained stem are the source's luma (four pixels), its chroma, the
    reference's luma and chroma, and the maps.
    """

    def __init__(self, network: Renderer) -> None:
        super().__init__()
        weight, bias, self.act = _stem(network)
        self.luma = nn.Conv2d(2, len(weight), 6, 2, 2, bias=False)
        others = [4, 5, 10, 11, *range(12, weight.shape[1])]
        self.rest = nn.Conv2d(len(others), len(weight), 3, 1, 1)
        with torch.no_grad():
            for k, start in enumerate((0, 6)):
                cells = weight[:, start : start + 4].unflatten(1, (2, 2))
                self.luma.weight[:, k] = cells.permute(0, 3, 1, 4, 2).flatten(1, 2).flatten(2, 3)
            _set(self.rest, weight[:, others], bias)

    def forward(self, luma: Tensor, cells: Tensor) -> Tensor:
        x: Tensor = self.act(self.luma(luma) + self.rest(cells))
        return x


class _Int8Stem(nn.Module):
    def __init__(self, network: Renderer) -> None:
        super().__init__()
        weight, bias, self.act = _stem(network)
        # SpaceToDepth interleaves the channels of source and reference.
        luma_order = [k + start for k in range(4) for start in (0, 6)]
        order = [*luma_order, 4, 5, 10, 11, *range(12, weight.shape[1])]
        self.conv = nn.Conv2d(len(order), len(weight), 3, 1, 1)
        _set(self.conv, weight[:, order], bias)

    def forward(self, luma: Tensor, cells: Tensor) -> Tensor:
        rearranged: Tensor = _SpaceToDepth.apply(luma)  # type: ignore[no-untyped-call]
        x: Tensor = self.act(self.conv(torch.cat([rearranged, cells], 1)))
        return x


class _SpaceToDepth(torch.autograd.Function):
    """ONNX's SpaceToDepth for blocks of two, which torch would export as three operations."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        cells = F.pixel_unshuffle(x, 2).unflatten(1, (x.shape[1], 4))
        rearranged: Tensor = cells.transpose(1, 2).flatten(1, 2)
        return rearranged

    @staticmethod
    def symbolic(graph: Any, x: Any) -> Any:
        return graph.op("SpaceToDepth", x, blocksize_i=2)


def _upsample(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _upsample_planes(channels: int, side: int, x: Tensor) -> Tensor:
    """Enlarge (B, channels, side, side) as :func:`_upsample` does, plane by plane.

    ONNX Runtime stores bytes channels-last, and its resize is six times slower in this layout.
    """
    planes = _upsample(x.reshape(-1, 1, side, side))
    return planes.reshape(-1, channels, 2 * side, 2 * side)


def _stem(network: Renderer) -> tuple[Tensor, Tensor, nn.Module]:
    conv, act = network.stem
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    return conv.weight.detach(), conv.bias.detach(), act


def _set(conv: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    assert conv.bias is not None
    with torch.no_grad():
        conv.weight.copy_(weight)
        conv.bias.copy_(bias)


def _fold_head(head: nn.Conv2d) -> nn.Conv2d:
    assert head.bias is not None
    folded = []
    for old in (head.weight.detach(), head.bias.detach()):
        flow, source, reference, fill_logit, fill = torch.split(old, [4, 4, 4, 4, 6])
        above = LOGIT_GAIN * (reference - source), LOGIT_GAIN * (source - fill_logit)
        logits = torch.cat([*above, fill]) / MAX_LOGIT
        unused = old.new_zeros(_UNUSED_CHANNELS, *old.shape[1:])
        folded.append(torch.cat([FLOW_UNIT * FLOW_SCALE * flow, logits, unused]))
    result = nn.Conv2d(head.in_channels, CHANNELS, 3, padding=1)
    _set(result, *folded)
    return result
