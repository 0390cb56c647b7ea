"""Train the renderer; resumes from its own checkpoint.

    python -m export_tools.renderer.train --patches FILE.npz --out DIR [--start FILE.pt] \\
        [--widths 16 32 64 64] [--steps 40000]

``--start`` takes what fits of another run's weights (see ``resize``). Writes ``renderer.pt``
(weights, optimiser, step) every few hundred steps and ``curve.jsonl`` with the held-out speakers'
PSNR around the mouth, beside that of copying the source unchanged.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from export_tools.renderer.data import Patches
from export_tools.renderer.export import load_renderer
from export_tools.renderer.loop import Run, Schedule, Truth
from export_tools.renderer.network import WIDTHS, Renderer
from export_tools.renderer.resize import resize

SPLITS = Path(__file__).parents[1] / "splits.json"


def split_patches(path: Path) -> tuple[Patches, Patches]:
    """Patches to train on and those of the held-out speakers; ``wild`` clips are in neither."""
    splits = json.loads(SPLITS.read_text())
    with np.load(path) as data:
        names = [str(n) for n in data["names"]]
    held = [n for n in names if n.removeprefix("grid_") in splits["held_out_clips"]]
    validation = tuple("grid_" + prefix for prefix in splits["validation_s1_prefixes"])
    train = [
        n for n in names if n.startswith("grid_") and n not in held and not n.startswith(validation)
    ]
    return Patches(path, train), Patches(path, held)


def beginning(start: Path | None, widths: tuple[int, ...]) -> Renderer:
    """A new renderer of ``widths``, with what fits of the weights of ``start``."""
    if start is None:
        return Renderer(widths)
    return resize(load_renderer(start), widths)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What training and distillation share."""
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="checkpoint to take weights from")
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=Schedule.batch)
    parser.add_argument("--rate", type=float, default=Schedule.rate)
    parser.add_argument("--report", type=int, default=Schedule.report, help="steps a curve point")
    parser.add_argument("--minutes", type=float, default=Schedule.minutes, help="stop after them")
    parser.add_argument("--seed", type=int, default=Schedule.seed)
    parser.add_argument("--threads", type=int, default=1)


def schedule_of(args: argparse.Namespace) -> Schedule:
    """The schedule that :func:`add_options` asked for."""
    return Schedule(args.steps, args.batch, args.rate, args.report, args.minutes, args.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    network = beginning(args.start, tuple(args.widths))
    data, test = split_patches(args.patches)
    Run(args.out, network, Truth(), schedule_of(args)).train(data, test)


if __name__ == "__main__":
    main()
