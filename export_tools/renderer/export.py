"""Write a trained renderer as ONNX.

python -m export_tools.renderer.export CHECKPOINT.pt OUT.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch

from appliance.lips.maps import CHANNELS
from export_tools.renderer.network import HALF, PATCH, Renderer

SHARPER = 2.0  # than in training: see Renderer._shares
OPSET = 17  # TensorRT 8.6 of JetPack 6.0 reads no newer one
INPUTS = {
    "source_y": (1, PATCH),
    "source_uv": (2, HALF),
    "reference_y": (1, PATCH),
    "reference_uv": (2, HALF),
    "maps": (CHANNELS, HALF),
}
OUTPUTS = ("flow", "weights", "fill_y", "fill_uv")


def load_renderer(checkpoint: Path) -> Renderer:
    """The averaged weights of a training run."""
    state = torch.load(checkpoint, map_location="cpu")
    widths = state["args"]["widths"]
    network = Renderer(tuple(int(w) for w in widths.strip("[]()").split(",")))
    network.load_state_dict(state["average"])
    network.sharper = SHARPER
    return network.eval()


def example(batch: int = 1) -> tuple[torch.Tensor, ...]:
    """Random inputs of the right shapes."""
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.rand(batch, channels, size, size, generator=generator)
        for channels, size in INPUTS.values()
    )


def export(network: Renderer, target: Path) -> None:
    """Float32, opset 17, any batch size; checked by ONNX's own checker."""
    names = [*INPUTS, *OUTPUTS]
    torch.onnx.export(
        network,
        example(),
        str(target),
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "batch"} for name in names},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(str(target), full_check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    export(load_renderer(args.checkpoint), args.target)
    print(f"{args.target}: {args.target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
