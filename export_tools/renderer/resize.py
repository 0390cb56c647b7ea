"""Start a renderer of other widths from a trained one, instead of from nothing.

    python -m export_tools.renderer.resize CHECKPOINT.pt OUT.pt --widths 16 32 64 96

Narrower: a level keeps the channels that carry most, judged by the product of the norms of the
weights that fill a channel and of those that read it (after Li et al. 2017, arXiv 1608.08710).
Wider: the new channels read, but nothing old reads them yet (their weights are zero), so the
network still answers exactly as before (after Chen et al. 2016, arXiv 1511.05641).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from export_tools.renderer.export import load_renderer
from export_tools.renderer.network import Renderer


@dataclass(frozen=True)
class Channels:
    """A set of channels by the convolutions that ``fill`` it and those that ``read`` it."""

    fill: tuple[nn.Conv2d, ...]
    read: tuple[nn.Conv2d, ...]

    def ranking(self) -> Tensor:
        """Channel numbers, the most important first."""
        filled = sum(conv.weight.detach().flatten(1).norm(dim=1) for conv in self.fill)
        read = sum(
            conv.weight.detach().transpose(0, 1).flatten(1).norm(dim=1) for conv in self.read
        )
        return torch.argsort(torch.as_tensor(filled) * torch.as_tensor(read), descending=True)


def channels(network: Renderer) -> list[Channels]:
    """Every set of channels between two convolutions; inputs and outputs of the whole are none."""
    levels = len(network.widths) - 1
    down = [[_convolution(block) for block in pair.children()] for pair in network.down]
    up = [_convolution(block) for block in network.up]
    squeeze = [_convolution(block) for block in network.squeeze]
    stem, bottom = _convolution(network.stem), _convolution(network.bottom)
    found = [Channels((down[-1][1],), (bottom,)), Channels((bottom,), (squeeze[0],))]
    found += [Channels((first,), (second,)) for first, second in down]
    for level in range(levels):  # the skip of a level is added to what comes up to it
        back = levels - 1 - level
        filled = stem if level == 0 else down[level - 1][1]
        found.append(Channels((filled, squeeze[back]), (down[level][0], up[back])))
        reader = network.head if back == levels - 1 else squeeze[back + 1]
        found.append(Channels((up[back],), (reader,)))
    return found


def _convolution(module: nn.Module) -> nn.Conv2d:
    found = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    assert len(found) == 1
    return found[0]


def resize(network: Renderer, widths: tuple[int, ...]) -> Renderer:
    """A renderer of ``widths`` with what fits of the weights of ``network``."""
    if len(widths) != len(network.widths):
        raise ValueError(f"{len(network.widths)} widths are needed, not {len(widths)}")
    result = Renderer(widths)
    kept_out: dict[int, Tensor] = {}
    kept_in: dict[int, Tensor] = {}
    numbers = {id(conv): i for i, conv in enumerate(_all(network))}
    for old, new in zip(channels(network), channels(result), strict=True):
        count = min(old.fill[0].out_channels, new.fill[0].out_channels)
        keep = old.ranking()[:count].sort().values
        kept_out.update({numbers[id(conv)]: keep for conv in old.fill})
        kept_in.update({numbers[id(conv)]: keep for conv in old.read})
    with torch.no_grad():
        for i, (old_conv, conv) in enumerate(zip(_all(network), _all(result), strict=True)):
            out = kept_out.get(i, torch.arange(old_conv.out_channels))
            into = kept_in.get(i, torch.arange(old_conv.in_channels))
            assert conv.bias is not None and old_conv.bias is not None
            conv.weight[: len(out)] = 0
            conv.weight[: len(out), : len(into)] = old_conv.weight[out][:, into]
            conv.bias[: len(out)] = old_conv.bias[out]
    return result


def _all(network: Renderer) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--widths", type=int, nargs="+", required=True)
    args = parser.parse_args()
    network = resize(load_renderer(args.checkpoint), tuple(args.widths))
    state = {"average": network.state_dict(), "args": {"widths": str(list(network.widths))}}
    torch.save(state, args.target)
    print(f"{args.target}: {sum(p.numel() for p in network.parameters())} parameters")


if __name__ == "__main__":
    main()
