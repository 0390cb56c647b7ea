"""Train the renderer; resumes from its own checkpoint.

    python -m export_tools.renderer.train --patches FILE.npz --out DIR [--steps 40000]

Writes ``renderer.pt`` (weights, optimiser, step) every few hundred steps and ``curve.jsonl`` with
the held-out speakers' PSNR around the mouth, beside that of copying the source unchanged.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from export_tools.renderer.data import Batch, Patches
from export_tools.renderer.network import Renderer, Rendering, compose

SPLITS = Path(__file__).parents[1] / "splits.json"


def loss_of(out: Rendering, batch: Batch) -> Tensor:
    """L1 of pixels and of their gradients, paint kept for where nothing can be fetched."""
    y, uv = compose(out, batch.source_y, batch.source_uv, batch.reference_y, batch.reference_uv)
    pixel = (batch.near * (y - batch.target_y).abs()).mean()
    colour = (F.avg_pool2d(batch.near, 2) * (uv - batch.target_uv).abs()).mean()
    edges = sum(
        (batch.near * (_gradient(y, d) - _gradient(batch.target_y, d)).abs()).mean() for d in (2, 3)
    )
    paint = out.weights[:, 2].mean()
    doubt = -(out.weights * (out.weights + 1e-4).log()).mean()
    bend = sum((torch.diff(out.flow[:, :2], dim=d).abs()).mean() for d in (2, 3))
    return pixel + 0.5 * colour + edges + 0.01 * paint + 0.05 * bend + 0.02 * doubt


def _gradient(image: Tensor, dim: int) -> Tensor:
    return image - torch.roll(image, 1, dims=dim)


@torch.no_grad()
def psnr(network: Renderer, patches: Patches, seed: int = 1, count: int = 192) -> dict[str, float]:
    """Luma PSNR in dB over the mouth of unaugmented pairs: rendered, and the source copied."""
    rng = np.random.default_rng(seed)
    network.eval()
    scores: dict[str, list[float]] = {"rendered": [], "copied": []}
    paint = []
    for _ in range(count // 32):
        batch = patches.batch(rng, patches.draw(rng, 32), plain=True)
        out = network(*batch.inputs())
        y, _ = compose(out, batch.source_y, batch.source_uv, batch.reference_y, batch.reference_uv)
        mask = (batch.near > 2).float()
        for name, image in (("rendered", y), ("copied", batch.source_y)):
            error = (mask * (image - batch.target_y) ** 2).sum((1, 2, 3)) / mask.sum((1, 2, 3))
            scores[name] += (-10 * torch.log10(error.clamp(1e-8))).tolist()
        paint.append(float((out.weights[:, 2:3] * mask).sum() / mask.sum()))
    network.train()
    result = {name: round(float(np.median(values)), 3) for name, values in scores.items()}
    return {**result, "paint": round(float(np.mean(paint)), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--widths", type=int, nargs="+", default=[24, 40, 64, 96])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--report", type=int, default=500, help="steps between curve points")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this long")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    splits = json.loads(SPLITS.read_text())
    with np.load(args.patches) as data:
        names = [str(n) for n in data["names"]]
    held = [n for n in names if n.removeprefix("grid_") in splits["held_out_clips"]]
    validation = tuple("grid_" + prefix for prefix in splits["validation_s1_prefixes"])
    train = [
        n for n in names if n.startswith("grid_") and n not in held and not n.startswith(validation)
    ]
    data = Patches(args.patches, train)
    test = Patches(args.patches, held)
    network = Renderer(tuple(args.widths))
    # A third faster on this path; torch declares the argument for tensors only.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=1e-4)
    average = {k: v.clone() for k, v in network.state_dict().items()}
    step = 0
    checkpoint = args.out / "renderer.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        network.load_state_dict(state["raw"])
        optimiser.load_state_dict(state["optimiser"])
        average, step = state["average"], state["step"]
    start = time.monotonic()
    losses = []
    while step < args.steps and time.monotonic() - start < args.minutes * 60:
        step += 1
        fraction = step / args.steps
        cosine = 0.5 * (1 + math.cos(math.pi * fraction)) + 0.01
        rate = args.rate * min(step / 200, cosine)
        for group in optimiser.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng((args.seed, step))  # a resumed run draws what it would have
        batch = data.batch(rng, data.draw(rng, args.batch), plain=False)
        out = network(*batch.inputs())
        loss = loss_of(out, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        decay = min(0.999, step / (step + 100))
        for key, value in network.state_dict().items():
            average[key].lerp_(value, 1 - decay)
        if step % args.report == 0 or step == args.steps:
            judge = Renderer(tuple(args.widths))
            judge.load_state_dict(average)
            row = {
                "step": step,
                "samples": step * args.batch,
                "seconds": round(time.monotonic() - start),
                "loss": round(float(np.mean(losses)), 5),
                "held_out": psnr(judge, test),
            }
            losses.clear()
            with (args.out / "curve.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)
            state = {
                "average": average,
                "raw": network.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
                "args": {k: str(v) for k, v in vars(args).items()},
            }
            part = checkpoint.with_suffix(".part")
            torch.save(state, part)
            part.replace(checkpoint)


if __name__ == "__main__":
    main()
