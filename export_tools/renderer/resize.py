"""Initialize a renderer of other widths from a trained one.

    python -m export_tools.renderer.resize CHECKPOINT.pt OUT.pt --widths 16 32 64 96

Narrower: a level keeps its most important channels, measured by the product of the norms of the
weights that write a channel and of those that read it (after Li et al. 2017, arXiv 1608.08710).
Wider: the old channels read the new ones with weights of zero, so the output of the network does
not change (after Chen et al. 2016, arXiv 1511.05641).
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
class ChannelSet:
    """A set of channels: the convolutions that write it (``writers``) and those that read it."""

    writers: tuple[nn.Conv2d, ...]
    readers: tuple[nn.Conv2d, ...]

    def ranking(self) -> Tensor:
        """Return the channel numbers, most important first."""
        filled = sum(conv.weight.detach().flatten(1).norm(dim=1) for conv in self.writers)
        read = sum(
            conv.weight.detach().transpose(0, 1).flatten(1).norm(dim=1) for conv in self.readers
        )
        return torch.argsort(torch.as_tensor(filled) * torch.as_tensor(read), descending=True)


def channel_sets(network: Renderer) -> list[ChannelSet]:
    """Return every set of channels between two convolutions, without network inputs and outputs."""
    levels = len(network.widths) - 1
    down = [[_convolution(block) for block in pair.children()] for pair in network.down]
    up = [_convolution(block) for block in network.up]
    squeeze = [_convolution(block) for block in network.squeeze]
    stem, bottom = _convolution(network.stem), _convolution(network.bottom)
    found = [ChannelSet((down[-1][1],), (bottom,)), ChannelSet((bottom,), (squeeze[0],))]
    found += [ChannelSet((first,), (second,)) for first, second in down]
    for level in range(levels):  # the skip connection of a level is added to its upsampled input
        back = levels - 1 - level
        filled = stem if level == 0 else down[level - 1][1]
        found.append(ChannelSet((filled, squeeze[back]), (down[level][0], up[back])))
        reader = network.head if back == levels - 1 else squeeze[back + 1]
        found.append(ChannelSet((up[back],), (reader,)))
    return found


def _convolution(module: nn.Module) -> nn.Conv2d:
    found = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    assert len(found) == 1
    return found[0]


def resize(network: Renderer, widths: tuple[int, ...]) -> Renderer:
    """Return a renderer of ``widths`` with the matching weights of ``network``.

    Raises ``ValueError`` if the number of levels differs.
    """
    if len(widths) != len(network.widths):
        raise ValueError(f"{len(network.widths)} widths are needed, not {len(widths)}")
    result = Renderer(widths)
    kept_out: dict[int, Tensor] = {}
    kept_in: dict[int, Tensor] = {}
    numbers = {id(conv): i for i, conv in enumerate(_convolutions(network))}
    for old, new in zip(channel_sets(network), channel_sets(result), strict=True):
        count = min(old.writers[0].out_channels, new.writers[0].out_channels)
        keep = old.ranking()[:count].sort().values
        kept_out.update({numbers[id(conv)]: keep for conv in old.writers})
        kept_in.update({numbers[id(conv)]: keep for conv in old.readers})
    with torch.no_grad():
        for i, (old_conv, conv) in enumerate(
            zip(_convolutions(network), _convolutions(result), strict=True)
        ):
            out = kept_out.get(i, torch.arange(old_conv.out_channels))
            into = kept_in.get(i, torch.arange(old_conv.in_channels))
            assert conv.bias is not None and old_conv.bias is not None
            conv.weight[: len(out)] = 0
            conv.weight[: len(out), : len(into)] = old_conv.weight[out][:, into]
            conv.bias[: len(out)] = old_conv.bias[out]
    return result


def _convolutions(network: Renderer) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint of the training")
    parser.add_argument("target", type=Path, help="file to write")
    parser.add_argument(
        "--widths", type=int, nargs="+", required=True, help="channels of each level"
    )
    args = parser.parse_args()
    network = resize(load_renderer(args.checkpoint), tuple(args.widths))
    state = {"average": network.state_dict(), "args": {"widths": str(list(network.widths))}}
    torch.save(state, args.target)
    print(f"{args.target}: {sum(p.numel() for p in network.parameters())} parameters")


if __name__ == "__main__":
    main()
