"""Train the renderer; a stopped run is resumed from its checkpoint.

    python -m export_tools.renderer.train --patches FILE.npz --out DIR [--start FILE.pt] \\
        [--widths 16 32 64 64] [--steps 40000]

``--start`` initializes the weights from another run (see ``resize``). Writes ``renderer.pt``
(weights, optimiser, step) every few hundred steps and ``curve.jsonl`` with the PSNR around the
mouth, compared with that of the unchanged source: for the validation clips, which are used for
choices, and for the held-out speakers, which are used only to report the result.
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
from export_tools.renderer.network import WIDTHS, Renderer
from export_tools.renderer.resize import resize
from export_tools.renderer.trainer import ReconstructionLoss, Schedule, Trainer

SPLITS = Path(__file__).parents[1] / "splits.json"


class Split(NamedTuple):
    """The patches for training, for validation and of the held-out speakers; none are ``wild``."""

    train: Patches
    validation: Patches
    held_out: Patches

    def validation_sets(self) -> dict[str, Patches]:
        """Return the sets that the learning curve is computed for."""
        return {"validation": self.validation, "held_out": self.held_out}


def split_patches(path: Path) -> Split:
    """Return the patches split as in ``splits.json``.

    Held-out speakers are not in the training set; the validation clips are other sentences of a
    training speaker.
    """
    splits = json.loads(SPLITS.read_text())
    with np.load(path) as data:
        names = [str(n) for n in data["names"] if str(n).startswith("grid_")]
    held = [n for n in names if n.removeprefix("grid_") in splits["held_out_clips"]]
    prefixes = tuple("grid_" + prefix for prefix in splits["validation_s1_prefixes"])
    validation = [n for n in names if n.startswith(prefixes)]
    train = [n for n in names if n not in held and n not in validation]
    return Split(*(Patches(path, part) for part in (train, validation, held)))


def load_or_create(start: Path | None, widths: tuple[int, ...]) -> Renderer:
    """Return a renderer of ``widths``, initialized from the checkpoint ``start``, if given."""
    if start is None:
        return Renderer(widths)
    return resize(load_renderer(start), widths)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options shared by training and distillation."""
    parser.add_argument("--patches", type=Path, required=True, help="file of mouth patches")
    parser.add_argument("--out", type=Path, required=True, help="output folder")
    parser.add_argument("--start", type=Path, help="checkpoint to initialize the weights from")
    parser.add_argument(
        "--widths",
        type=int,
        nargs="+",
        default=list(WIDTHS),
        metavar="N",
        help=f"channels of each level (default: {' '.join(map(str, WIDTHS))})",
    )
    parser.add_argument("--steps", type=int, default=40_000, help="training steps (default: 40000)")
    parser.add_argument(
        "--batch", type=int, default=Schedule.batch, help="samples per step (default: %(default)s)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=Schedule.rate,
        help="peak learning rate (default: %(default)s)",
    )
    parser.add_argument(
        "--report",
        type=int,
        default=Schedule.report,
        help="steps per curve point (default: %(default)s)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=Schedule.minutes,
        help="time limit in minutes (default: none)",
    )
    parser.add_argument(
        "--seed", type=int, default=Schedule.seed, help="random seed (default: %(default)s)"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")


def schedule_of(args: argparse.Namespace) -> Schedule:
    """Return the schedule from the options of :func:`add_options`."""
    return Schedule(args.steps, args.batch, args.rate, args.report, args.minutes, args.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    network = load_or_create(args.start, tuple(args.widths))
    data = split_patches(args.patches)
    Trainer(args.out, network, ReconstructionLoss(), schedule_of(args)).train(
        data.train, data.validation_sets()
    )


if __name__ == "__main__":
    main()
