"""Export a trained renderer to ONNX.

python -m export_tools.renderer.export CHECKPOINT.pt OUT.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import onnx
import torch

from appliance.lips.renderer_io import CELL_CHANNELS
from appliance.lips.shape_maps import SIZE
from export_tools.renderer.deploy import DeployedRenderer
from export_tools.renderer.network import Renderer

OPSET = 17  # the newest one that TensorRT 8.6 of JetPack 6.0 can read
INPUTS = {"luma": (2, 2 * SIZE), "cells": (CELL_CHANNELS, SIZE)}
OUTPUT = "answer"


def load_renderer(checkpoint: Path) -> Renderer:
    """Load the renderer with the averaged weights of a training checkpoint."""
    state = torch.load(checkpoint, map_location="cpu")
    widths = state["args"]["widths"]
    network = Renderer(tuple(int(w) for w in widths.strip("[]()").split(",")))
    network.load_state_dict(state["average"])
    return network.eval()


def example_inputs(batch: int = 1) -> tuple[torch.Tensor, ...]:
    """Return random inputs of the renderer, one tensor (batch, channels, size, size) per input."""
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.rand(batch, channels, size, size, generator=generator)
        for channels, size in INPUTS.values()
    )


def export(network: Renderer, target: Path, *, for_int8: bool = False) -> None:
    """Export ``network`` to ``target``: float32, opset 17, free batch size.

    ``for_int8`` arranges it for INT8 quantization. The file is checked with ONNX's checker.
    """
    names = [*INPUTS, OUTPUT]
    torch.onnx.export(
        DeployedRenderer(network, for_int8=for_int8).eval(),
        example_inputs(),
        str(target),
        input_names=list(INPUTS),
        output_names=[OUTPUT],
        dynamic_axes={name: {0: "batch"} for name in names},
        opset_version=OPSET,
        dynamo=False,
    )
    onnx.checker.check_model(str(target), full_check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint of the training")
    parser.add_argument("target", type=Path, help="file to write")
    args = parser.parse_args()
    export(load_renderer(args.checkpoint), args.target)
    print(f"{args.target}: {args.target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
