"""Train the renderer; resumes from its own checkpoint.

    python -m export_tools.renderer.train --patches FILE.npz --out DIR [--start FILE.pt] \\
        [--widths 16 32 64 64] [--steps 40000]

``--start`` takes what fits of another run's weights (see ``resize``). Writes ``renderer.pt``
(weights, optimiser, step) every few hundred steps and ``curve.jsonl`` with the PSNR around the
mouth, beside that of copying the source unchanged: of the validation clips, by which choices are
made, and of the held-out speakers, which only tell what was reached.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from export_tools.renderer.data import Patches
from export_tools.renderer.export import load_renderer
from export_tools.renderer.loop import Run, Schedule, Truth
from export_tools.renderer.network import WIDTHS, Renderer
from export_tools.renderer.resize import resize

SPLITS = Path(__file__).parents[1] / "splits.json"


class Split(NamedTuple):
    """Patches to train on, to choose by, and of the held-out speakers; ``wild`` is in none."""

    train: Patches
    validation: Patches
    held_out: Patches

    def judges(self) -> dict[str, Patches]:
        """What a curve is drawn for."""
        return {"validation": self.validation, "held_out": self.held_out}


def split_patches(path: Path) -> Split:
    """The split that ``splits.json`` fixes: by speaker, validation by sentences of a known one."""
    splits = json.loads(SPLITS.read_text())
    with np.load(path) as data:
        names = [str(n) for n in data["names"] if str(n).startswith("grid_")]
    held = [n for n in names if n.removeprefix("grid_") in splits["held_out_clips"]]
    prefixes = tuple("grid_" + prefix for prefix in splits["validation_s1_prefixes"])
    validation = [n for n in names if n.startswith(prefixes)]
    train = [n for n in names if n not in held and n not in validation]
    return Split(*(Patches(path, part) for part in (train, validation, held)))


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
    data = split_patches(args.patches)
    Run(args.out, network, Truth(), schedule_of(args)).train(data.train, data.judges())


if __name__ == "__main__":
    main()
