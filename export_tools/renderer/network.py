"""The renderer: a small U-Net that moves the presenter's pixels and generates only missing ones.

Its inputs are the source patch (the current frame), a reference patch (a frame that shows the
presenter's teeth) and maps of the target mouth, all at 48 × 48 after the space-to-depth of the
luma. Its outputs are

* ``flow``     the position in source and reference that each pixel is sampled from,
* ``weights``  the shares of source, reference and fill (they sum to one),
* ``fill``     pixels that are in neither image, such as hidden teeth.

A flow does not depend on the resolution, so the device applies it to the original pixels. Dense
3 × 3 convolutions, nearest-neighbour resize and no normalisation layers had the best measured ratio
of quality to time on CPUs, and suit tensor cores.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from appliance.lips.renderer_io import MAX_LOGIT
from appliance.lips.shape_maps import CHANNELS, GUIDE, GUIDE_SCALE, TARGET_INNER

PATCH = 96
HALF = PATCH // 2
WIDTHS = (16, 32, 64, 64)
IMAGE_CHANNELS = 12  # channels of source and reference at 48 × 48
LOGIT_GAIN = 5.0  # sharpens the choice of a layer: the mean of two images is blurred
FLOW_UNIT = 0.1  # patch fractions per unit of the flow head
LIP_LINE_COVERAGE = 0.35  # share of a cell that the line between closed lips covers, at most


class RenderedPatch(NamedTuple):
    """The output of the network.

    ``flow`` (B, 4, 48, 48) in patch fractions (source x, y, reference x, y), ``weights``
    (B, 3, 96, 96), ``fill_y`` (B, 1, 96, 96) and ``fill_uv`` (B, 2, 48, 48) in 0..1.
    """

    flow: Tensor
    weights: Tensor
    fill_y: Tensor
    fill_uv: Tensor


class _Conv(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.LeakyReLU(0.1, inplace=True)
        )


class Renderer(nn.Module):
    """The renderer network; ``widths`` are the channels at 48, 24, 12 and 6 pixels."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.widths = widths
        first, *deeper = widths
        self.stem = _Conv(IMAGE_CHANNELS + CHANNELS, first)
        self.down = nn.ModuleList()
        previous = first
        for width in deeper:
            self.down.append(nn.Sequential(_Conv(previous, width, 2), _Conv(width, width)))
            previous = width
        self.bottom = _Conv(previous, previous)
        self.squeeze, self.up = nn.ModuleList(), nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.squeeze.append(nn.Conv2d(previous, width, 1))
            self.up.append(_Conv(width, width))
            previous = width
        self.head = nn.Conv2d(first, 4 + 3 * 4 + 4 + 2, 3, padding=1)
        nn.init.zeros_(self.head.weight)
        bias = torch.zeros(22)
        bias[4:8] = 2.0  # start from "all source"
        with torch.no_grad():
            assert self.head.bias is not None
            self.head.bias.copy_(bias)
        self.register_load_state_dict_pre_hook(_pad_old_stem)  # type: ignore[no-untyped-call]

    def forward(
        self,
        source_y: Tensor,
        source_uv: Tensor,
        reference_y: Tensor,
        reference_uv: Tensor,
        maps: Tensor,
    ) -> RenderedPatch:
        x = torch.cat(
            [
                F.pixel_unshuffle(source_y, 2) - 0.5,
                source_uv - 0.5,
                F.pixel_unshuffle(reference_y, 2) - 0.5,
                reference_uv - 0.5,
                maps,
            ],
            dim=1,
        )
        skips = [self.stem(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = self.bottom(skips.pop())
        for squeeze, up in zip(self.squeeze, self.up, strict=True):
            x = up(F.interpolate(squeeze(x), scale_factor=2.0, mode="nearest") + skips.pop())
        x = self.head(x)
        flow = x[:, :4] * FLOW_UNIT
        guide = maps[:, GUIDE] / GUIDE_SCALE
        flow = torch.cat([flow[:, :2] + guide, flow[:, 2:]], dim=1)
        inside = inside_lips(maps[:, [TARGET_INNER]])
        choice = LOGIT_GAIN * F.pixel_shuffle(x[:, 4:16], 2)
        # A softmax with the source's logit as zero, bounded as on the device.
        odds = (choice[:, 1:] - choice[:, :1]).clamp(-MAX_LOGIT, MAX_LOGIT).exp()
        shares = inside * odds / (1 + odds.sum(1, keepdim=True))
        weights = torch.cat([1 - shares.sum(1, keepdim=True), shares], dim=1)
        fill_y = torch.sigmoid(F.pixel_shuffle(x[:, 16:20], 2))
        return RenderedPatch(flow, weights, fill_y, torch.sigmoid(x[:, 20:22]))


def _pad_old_stem(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Pad weights of version 0.1, whose maps had fewer channels, so that they can be loaded."""
    name = f"{prefix}stem.0.weight"
    if name in state:
        missing = IMAGE_CHANNELS + CHANNELS - state[name].shape[1]
        state[name] = F.pad(state[name], (0, 0, 0, 0, 0, missing))


def inside_lips(inner: Tensor) -> Tensor:
    """Return where reference and fill may be visible, (B, 1, 96, 96), for (B, 1, 48, 48).

    In training, an open mouth may extend over the inner edge of the lips, whose landmarks are
    inexact. ``appliance.lips.renderer_io.inside_lips`` has no such margin.
    """
    open_wide = F.max_pool2d((4 * (inner - LIP_LINE_COVERAGE)).clamp(0, 1), 5, 1, 2)
    wide = torch.maximum(open_wide, (4 * inner).clamp(max=1))
    soft = F.avg_pool2d(F.pad(wide, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return F.interpolate(soft, scale_factor=2.0, mode="bilinear", align_corners=False)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample ``image`` (B, C, H, W) at each pixel's position plus ``flow`` (B, 2, H, W).

    The flow is in fractions of the image; positions outside are clamped to the border.
    """
    height, width = image.shape[-2:]
    ys = (torch.arange(height, device=image.device, dtype=image.dtype) + 0.5) / height
    xs = (torch.arange(width, device=image.device, dtype=image.dtype) + 0.5) / width
    grid = torch.stack(torch.broadcast_tensors(xs[None, :], ys[:, None]), dim=-1)
    where = (grid + flow.permute(0, 2, 3, 1)) * 2 - 1
    return F.grid_sample(image, where, padding_mode="border", align_corners=False)


def compose(
    out: RenderedPatch,
    source_y: Tensor,
    source_uv: Tensor,
    reference_y: Tensor,
    reference_uv: Tensor,
) -> tuple[Tensor, Tensor]:
    """Composite the patch as the device does: y (B, 1, 96, 96), uv (B, 2, 48, 48)."""
    full = F.interpolate(out.flow, scale_factor=2.0, mode="bilinear", align_corners=False)
    half = F.avg_pool2d(out.weights, 2)
    y = (
        out.weights[:, 0:1] * warp(source_y, full[:, :2])
        + out.weights[:, 1:2] * warp(reference_y, full[:, 2:])
        + out.weights[:, 2:3] * out.fill_y
    )
    uv = (
        half[:, 0:1] * warp(source_uv, out.flow[:, :2])
        + half[:, 1:2] * warp(reference_uv, out.flow[:, 2:])
        + half[:, 2:3] * out.fill_uv
    )
    return y, uv


def count_macs(network: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Count the multiply-accumulates of all convolutions during one forward pass."""
    total = 0

    def hook(module: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv1d | nn.Conv2d)
        total += output.numel() * module.weight[0].numel()

    handles = [
        m.register_forward_hook(hook)
        for m in network.modules()
        if isinstance(m, nn.Conv1d | nn.Conv2d)
    ]
    with torch.no_grad():
        network(*inputs)
    for handle in handles:
        handle.remove()
    return total
