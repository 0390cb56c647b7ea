"""Train a renderer with a teacher; a stopped run is resumed from its checkpoint.

    python -m export_tools.distill --teacher renderer:TEACHER.pt --patches FILE.npz --out DIR
    python -m export_tools.distill --teacher wav2lip:FILE.pth --clips DIR --landmarks DIR \\
        --patches FILE.npz --out DIR

A ``renderer`` teacher is a larger renderer. Three terms are added to the reconstruction loss: the
teacher's image (output), its inner maps through a learned 1 × 1 projection (feature; after Romero
et al. 2015, arXiv 1412.6550), and its flow at the mouth (motion). A ``wav2lip`` teacher has another
interface, so it supplies additional training examples: see
``export_tools.wav2lip.teacher_targets``. Weights of Wav2Lip are not shipped with this project.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export_tools.data.landmarks import VIDEO_SUFFIXES
from export_tools.renderer.data import Batch, Patches
from export_tools.renderer.export import load_renderer
from export_tools.renderer.network import RenderedPatch, Renderer, compose
from export_tools.renderer.train import (
    SPLITS,
    add_options,
    load_or_create,
    schedule_of,
    split_patches,
)
from export_tools.renderer.trainer import ReconstructionLoss, Trainer
from export_tools.wav2lip.checkpoint import load_wav2lip
from export_tools.wav2lip.teacher_targets import make_teacher_targets

_TEACHER_SHARE = 0.3  # share of the samples that come from a Wav2Lip teacher


@dataclass(frozen=True)
class LossWeights:
    """The weights of the teacher's terms, relative to the reconstruction loss."""

    output: float = 0.5
    feature: float = 0.02
    motion: float = 2.0


class _FeatureTap:
    """The latest outputs of the bottom and the ascending levels of a renderer."""

    def __init__(self, network: Renderer) -> None:
        self.maps: dict[int, Tensor] = {}
        for i, module in enumerate((network.bottom, *network.up)):
            module.register_forward_hook(self._make_hook(i))

    def _make_hook(self, index: int) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            self.maps[index] = output

        return hook


class DistillationLoss(nn.Module):
    """The reconstruction loss plus the terms of a teacher.

    Its trainable parameters are the projections of the inner maps.
    """

    def __init__(
        self, student: Renderer, teacher: Renderer, terms: LossWeights = LossWeights()
    ) -> None:
        super().__init__()
        # A list keeps the teacher out of this module's parameters and checkpoints.
        self._teacher = [teacher.eval().requires_grad_(False)]
        self._reconstruction, self._terms = ReconstructionLoss(), terms
        self._taps = _FeatureTap(student), _FeatureTap(teacher)
        ours = [student.widths[-1], *reversed(student.widths[:-1])]
        theirs = [teacher.widths[-1], *reversed(teacher.widths[:-1])]
        self.projections = nn.ModuleList(
            nn.Conv2d(a, b, 1) for a, b in zip(ours, theirs, strict=True)
        )

    def forward(self, out: RenderedPatch, batch: Batch) -> Tensor:
        with torch.no_grad():
            teacher_out = self._teacher[0](*batch.inputs())
        pictures = (batch.source_y, batch.source_uv, batch.reference_y, batch.reference_uv)
        y, uv = compose(out, *pictures)
        teacher_y, teacher_uv = compose(teacher_out, *pictures)
        coarse = F.avg_pool2d(batch.loss_weight, 2)
        output = (batch.loss_weight * (y - teacher_y).abs()).mean() + 0.5 * (
            coarse * (uv - teacher_uv).abs()
        ).mean()
        motion = (coarse * (out.flow - teacher_out.flow).abs()).mean()
        ours, theirs = self._taps
        feature: Tensor = torch.stack(
            [
                F.mse_loss(project(ours.maps[i]), theirs.maps[i]) / theirs.maps[i].var()
                for i, project in enumerate(self.projections)
            ]
        ).mean()
        terms = self._terms
        reconstruction: Tensor = self._reconstruction(out, batch)
        total: Tensor = (
            reconstruction + terms.output * output + terms.feature * feature + terms.motion * motion
        )
        return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser)
    parser.add_argument("--teacher", required=True, help="renderer:FILE.pt or wav2lip:FILE.pth")
    parser.add_argument("--clips", type=Path, help="GRID clips for a wav2lip teacher")
    parser.add_argument("--landmarks", type=Path, help="folder of landmark files")
    parser.add_argument("--limit", type=int, help="largest number of clips")
    args = parser.parse_args()
    kind, _, file = args.teacher.partition(":")
    if kind not in ("renderer", "wav2lip") or not Path(file).is_file():
        parser.error(f"teacher not found: {args.teacher}")
    if kind == "wav2lip" and (args.clips is None or args.landmarks is None):
        parser.error("a wav2lip teacher requires --clips and --landmarks")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    student = load_or_create(args.start, tuple(args.widths))
    data = split_patches(args.patches)
    objective: nn.Module = ReconstructionLoss()
    if kind == "renderer":
        teacher = load_renderer(Path(file))
        objective = DistillationLoss(student, teacher)
    else:
        try:
            data.train.add(_teacher_examples(Path(file), args), _TEACHER_SHARE)
        except ValueError as error:
            sys.exit(str(error))
    Trainer(args.out, student, objective, schedule_of(args)).train(
        data.train, data.validation_sets()
    )


def _teacher_examples(checkpoint: Path, args: argparse.Namespace) -> Patches:
    """Return the patches from a Wav2Lip teacher, which are made once per output folder."""
    target = args.out / "teacher.npz"
    if not target.exists():
        args.out.mkdir(parents=True, exist_ok=True)
        splits = json.loads(SPLITS.read_text())
        excluded = (*splits["validation_s1_prefixes"], *splits["held_out_clips"])
        clips = [
            path
            for path in sorted(args.clips.iterdir())
            if path.suffix in VIDEO_SUFFIXES and not path.stem.startswith(excluded)
        ]
        make_teacher_targets(load_wav2lip(checkpoint), clips[: args.limit], args.landmarks, target)
    return Patches(target, None)


if __name__ == "__main__":
    main()
