"""Train the encoder; a stopped run is resumed.

    python -m export_tools.phonetics.train_encoder WORK_FOLDER --pack libri:0.7 --pack tts:0.3 \\
        --test test --steps 20000 --seed 1

``WORK_FOLDER`` contains the packs. The tool writes ``encoder.pt`` (the averaged weights, replaced
atomically at every evaluation), ``resume.pt`` and ``curve.json`` (command, seed, loss and scores).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from export_tools.phonetics import dataset
from export_tools.phonetics.encoder import Encoder
from export_tools.phonetics.evaluate import frame_scores
from export_tools.phonetics.inventory import CLASSES
from export_tools.phonetics.pack import Pack, load

WARMUP = 200
EMA_DECAY = 0.998  # exponential moving average of the weights
MAX_GRADIENT_NORM = 1.0


def rate_at(step: int, steps: int, peak: float) -> float:
    """Return the learning rate: linear warm-up, then a half cosine to 1 % of the peak."""
    if step < WARMUP:
        return peak * (step + 1) / WARMUP
    done = min((step - WARMUP) / max(steps - WARMUP, 1), 1.0)
    return peak * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done)))


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def average_weights(average: nn.Module, live: nn.Module, keep: float) -> None:
    """Update the moving average of the weights: ``keep`` of the average, the rest of ``live``."""
    with torch.no_grad():
        for a, b in zip(average.parameters(), live.parameters(), strict=True):
            a.lerp_(b, 1.0 - keep)


class Trainer:
    """The state of a training run: current and averaged weights, optimiser and curve.

    Resumes from ``resume.pt`` in ``folder``, if it exists.
    """

    def __init__(self, folder: Path, steps: int, peak: float, seed: int) -> None:
        self.folder, self.steps, self.peak, self.seed = folder, steps, peak, seed
        torch.manual_seed(seed)
        self.live, self.average = Encoder(), Encoder()
        self.average.load_state_dict(self.live.state_dict())
        self.average.eval()
        self.optimiser = torch.optim.AdamW(self.live.parameters(), lr=peak, weight_decay=0.02)
        self.step = 0
        self.curve: list[dict[str, Any]] = []
        resume = folder / "resume.pt"
        if resume.exists():
            state = torch.load(resume, weights_only=True)
            self.live.load_state_dict(state["live"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.curve = state["step"], state["curve"]

    def train_step(self, mel: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
        """Train one step on mel (B, 80, T) and labels (B, T // 2); return the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.step, self.steps, self.peak)
        self.live.train()
        logits = self.live.logits(torch.from_numpy(mel))
        loss = functional.cross_entropy(logits, torch.from_numpy(labels), label_smoothing=0.05)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.live.parameters(), MAX_GRADIENT_NORM)
        self.optimiser.step()
        self.step += 1
        average_weights(self.average, self.live, min(EMA_DECAY, self.step / (self.step + 10)))
        return loss.item()

    def save_progress(self, entry: dict[str, Any], command: list[str]) -> None:
        """Write ``encoder.pt``, ``resume.pt`` and ``curve.json`` with the new curve ``entry``."""
        self.curve.append(entry)
        save(
            self.folder / "encoder.pt",
            {
                "format": 1,
                "classes": list(CLASSES),
                "weights": self.average.state_dict(),
                "step": self.step,
                "scores": entry,
            },
        )
        save(
            self.folder / "resume.pt",
            {
                "live": self.live.state_dict(),
                "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "curve": self.curve,
            },
        )
        text = {"command": command, "seed": self.seed, "steps": self.steps, "curve": self.curve}
        (self.folder / "curve.json").write_text(json.dumps(text, indent=1), encoding="utf-8")


def train(
    run: Trainer, packs: list[Pack], shares: list[float], test: Pack, batch: int, every: int
) -> None:
    """Train until the last step; evaluate on ``test`` every ``every`` steps."""
    start, losses = time.monotonic(), []
    stream: Iterable[tuple[Any, Any]] = dataset.batches(packs, shares, batch, run.seed, run.step)
    for mel, labels in stream:
        if run.step >= run.steps:
            break
        losses.append(run.train_step(mel, labels))
        if run.step % every == 0 or run.step == run.steps:
            scores = frame_scores(run.average, test, limit=60)
            entry = {"step": run.step, "loss": round(float(np.mean(losses)), 4), **scores}
            run.save_progress(entry, sys.argv)
            pace = len(losses) / (time.monotonic() - start)
            print(f"{entry} {pace:.2f} steps/s", flush=True)
            start, losses = time.monotonic(), []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of packs and results")
    parser.add_argument("--pack", action="append", required=True, help="STEM:SHARE")
    parser.add_argument("--test", required=True, help="STEM of the pack for evaluation")
    parser.add_argument("--steps", type=int, default=20_000, help="training steps (default: 20000)")
    parser.add_argument(
        "--rate", type=float, default=2e-3, help="peak learning rate (default: 0.002)"
    )
    parser.add_argument("--batch", type=int, default=16, help="crops per step (default: 16)")
    parser.add_argument(
        "--every", type=int, default=250, help="steps between evaluations (default: 250)"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: 1)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    stems, shares = zip(*(item.rsplit(":", 1) for item in args.pack), strict=True)
    packs = [load(args.folder / stem) for stem in stems]
    run = Trainer(args.folder, args.steps, args.rate, args.seed)
    print(f"{sum(p.numel() for p in run.live.parameters())} parameters, from step {run.step}")
    train(
        run,
        packs,
        [float(s) for s in shares],
        load(args.folder / args.test),
        args.batch,
        args.every,
    )


if __name__ == "__main__":
    main()
