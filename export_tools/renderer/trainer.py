"""The training loop of the renderer, with weight averaging, a learning curve and resumption.

The loss is an ``nn.Module``: reconstruction alone (:class:`ReconstructionLoss`) or with a teacher
(``export_tools.distill``). The samples of step ``n`` depend only on ``(seed, n)``, so a resumed run
uses the same samples as an uninterrupted one.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from appliance.lips.shape_maps import GUIDE, GUIDE_SCALE
from export_tools.renderer.data import Batch, Patches
from export_tools.renderer.network import RenderedPatch, Renderer, compose

_WARM_UP_STEPS = 200
_EMA_DECAY = 0.999
_MAX_GRADIENT_NORM = 1.0


class ReconstructionLoss(nn.Module):
    """The reconstruction loss: L1 of the pixels and of their gradients, plus penalties.

    There are penalties on the use of fill, on uneven flow, on undecided layer weights, and on
    flow that differs from the guide. The last one is needed because the network learns this
    difference from few faces: for other mouths (such as a laugh that must close) the guide alone is
    closer to the truth.
    """

    def forward(self, out: RenderedPatch, batch: Batch) -> Tensor:
        y, uv = compose(out, batch.source_y, batch.source_uv, batch.reference_y, batch.reference_uv)
        pixel = (batch.loss_weight * (y - batch.target_y).abs()).mean()
        colour = (F.avg_pool2d(batch.loss_weight, 2) * (uv - batch.target_uv).abs()).mean()
        edges = torch.stack(
            [
                (batch.loss_weight * (_gradient(y, d) - _gradient(batch.target_y, d)).abs()).mean()
                for d in (2, 3)
            ]
        ).sum()
        fill_penalty = out.weights[:, 2].mean()
        entropy = -(out.weights * (out.weights + 1e-4).log()).mean()
        flow_gradient = torch.stack(
            [torch.diff(out.flow[:, :2], dim=d).abs().mean() for d in (2, 3)]
        ).sum()
        guide_deviation = (out.flow[:, :2] - batch.maps[:, GUIDE] / GUIDE_SCALE).abs().mean()
        penalties = 0.01 * fill_penalty + 0.05 * flow_gradient + 0.02 * entropy + guide_deviation
        return pixel + 0.5 * colour + edges + penalties


def _gradient(image: Tensor, dim: int) -> Tensor:
    return image - torch.roll(image, 1, dims=dim)


@torch.no_grad()
def psnr(network: Renderer, patches: Patches, seed: int = 1, count: int = 192) -> dict[str, float]:
    """Return the median luma PSNR in dB over the mouth of ``count`` pairs without augmentation.

    The keys are ``rendered``, ``copied`` (the unchanged source) and ``fill_share``, the mean
    share of fill at the mouth.
    """
    rng = np.random.default_rng(seed)
    network.eval()
    scores: dict[str, list[float]] = {"rendered": [], "copied": []}
    fill_shares = []
    for _ in range(count // 32):
        batch = patches.batch(rng, patches.sample(rng, 32), augment_off=True)
        out = network(*batch.inputs())
        y, _ = compose(out, batch.source_y, batch.source_uv, batch.reference_y, batch.reference_uv)
        mask = (batch.loss_weight > 2).float()
        for name, image in (("rendered", y), ("copied", batch.source_y)):
            error = (mask * (image - batch.target_y) ** 2).sum((1, 2, 3)) / mask.sum((1, 2, 3))
            scores[name] += (-10 * torch.log10(error.clamp(1e-8))).tolist()
        fill_shares.append(float((out.weights[:, 2:3] * mask).sum() / mask.sum()))
    network.train()
    result = {name: round(float(np.median(values)), 3) for name, values in scores.items()}
    return {**result, "fill_share": round(float(np.mean(fill_shares)), 4)}


@dataclass(frozen=True)
class Schedule:
    """A training schedule: ``steps`` of ``batch`` samples at a peak learning ``rate``.

    A point of the learning curve is written every ``report`` steps. Training stops after
    ``minutes`` and can be resumed from the checkpoint.
    """

    steps: int
    batch: int = 16
    rate: float = 1.5e-3
    report: int = 500
    minutes: float = 1e9
    seed: int = 7
    validation_pairs: int = 192  # pairs of each validation set per curve point

    def rate_at(self, step: int) -> float:
        """Return the learning rate: linear warm-up, then a half cosine to 1 % of the peak."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps)) + 0.01
        return self.rate * min(step / _WARM_UP_STEPS, cosine)


class Trainer:
    """A training run in ``folder``: current and averaged weights, optimiser and step.

    Resumes from the checkpoint in ``folder``, if there is one.
    """

    def __init__(
        self, folder: Path, network: Renderer, objective: nn.Module, schedule: Schedule
    ) -> None:
        self.folder, self.network, self.objective = folder, network, objective
        self.schedule = schedule
        folder.mkdir(parents=True, exist_ok=True)
        # A third faster on CPUs; torch declares the argument only for tensors.
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        learned = [*network.parameters(), *(p for p in objective.parameters() if p.requires_grad)]
        self.optimiser = torch.optim.AdamW(learned, lr=schedule.rate, weight_decay=1e-4)
        self.average = {k: v.clone() for k, v in network.state_dict().items()}
        self.step = 0
        self._losses: list[float] = []
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            network.load_state_dict(state["raw"])
            objective.load_state_dict(state.get("objective", {}), strict=False)
            self.optimiser.load_state_dict(state["optimiser"])
            self.average, self.step = state["average"], state["step"]

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint."""
        return self.folder / "renderer.pt"

    def train(self, data: Patches, validation_sets: dict[str, Patches]) -> None:
        """Train until the end of the schedule; evaluate regularly on ``validation_sets``."""
        start = time.monotonic()
        plan = self.schedule
        if self.step == 0:
            self._evaluate(validation_sets, 0.0)
        while self.step < plan.steps and time.monotonic() - start < plan.minutes * 60:
            self.step += 1
            self._train_step(data)
            if self.step % plan.report == 0 or self.step == plan.steps:
                self._evaluate(validation_sets, time.monotonic() - start)
        if self._losses:
            self._evaluate(validation_sets, time.monotonic() - start)

    def _train_step(self, data: Patches) -> None:
        plan = self.schedule
        for group in self.optimiser.param_groups:
            group["lr"] = plan.rate_at(self.step)
        rng = np.random.default_rng((plan.seed, self.step))
        batch = data.batch(rng, data.sample(rng, plan.batch), augment_off=False)
        loss = self.objective(self.network(*batch.inputs()), batch)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
        self.optimiser.step()
        self._losses.append(float(loss.detach()))
        keep = min(_EMA_DECAY, self.step / (self.step + 100))
        for key, value in self.network.state_dict().items():
            self.average[key].lerp_(value, 1 - keep)

    def _evaluate(self, validation_sets: dict[str, Patches], seconds: float) -> None:
        averaged = Renderer(self.network.widths)
        averaged.load_state_dict(self.average)
        row = {
            "step": self.step,
            "samples": self.step * self.schedule.batch,
            "seconds": round(seconds),
            "loss": round(float(np.mean(self._losses)), 5) if self._losses else None,
            **{
                name: psnr(averaged, patches, count=self.schedule.validation_pairs)
                for name, patches in validation_sets.items()
            },
        }
        self._losses.clear()
        with (self.folder / "curve.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
        state: dict[str, Any] = {
            "average": self.average,
            "raw": self.network.state_dict(),
            "objective": self.objective.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "args": {"widths": str(list(self.network.widths)), "command": " ".join(sys.argv[1:])},
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)
