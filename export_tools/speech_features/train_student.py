"""Train the student on shards of ``student_data``.

    python -m export_tools.speech_features.train_student WORK --projection FILE --motion FILE \\
        --out OUT --minutes 60 --seed 1

The loss has two parts of about the same size: the error of the components, of which those with much
variance count more, and the error of the mouth coefficients and the opening that the teacher's
motion reads from them. The input is often degraded, the targets are those of the clean speech.

``OUT`` gets ``student.pt`` (averaged weights), replaced every few minutes, and ``curve.json`` with
command, seed, shards and losses. The learning rate falls to zero at the end of the given minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from appliance.config import PROJECT
from appliance.lips.motion import MotionBasis
from appliance.lips.speech_motion import SpeechMotion
from appliance.speech.log_mel import WHISPER_MEL, WINDOW_FRAMES, scale
from appliance.speech.whisper_weights import WEIGHTS, default_folder
from export_tools.speech_features import degrade
from export_tools.speech_features.student import WIDTH, Student

Array16 = npt.NDArray[np.int16]
Array32 = npt.NDArray[np.float32]
Batch = tuple[Array32, Array32, Array32]

SHARES = {"speech": 0.56, "foreign": 0.28, "filmed": 0.11, "neural": 0.05}
STEPS = WINDOW_FRAMES // 2
MARGIN = 40  # steps at both ends of a window, which lack context
MARGIN_WEIGHT = 0.25
P_DEGRADED, P_PLAIN, P_PADDED = 0.3, 0.35, 0.1
WARMUP = 60
AVERAGING = 0.999
_QUEUE = 24
_START_RIDGE = 50.0


@dataclass(frozen=True)
class Shard:
    """A shard of ``student_data``, mapped into memory."""

    sound: Array16
    degraded: Array16
    targets: npt.NDArray[np.float16]

    @classmethod
    def open(cls, folder: Path, name: str) -> Shard:
        """Map the files of the shard ``name``."""
        kinds = ("sound", "degraded", "targets")
        return cls(*(np.load(folder / f"{name}.{kind}.npy", mmap_mode="r") for kind in kinds))


def read_samples(samples: Array16, first: int, count: int) -> Array32:
    """Return ``count`` samples from ``first``, in [-1, 1]; outside of the recording, zeros."""
    out = np.zeros(count, np.float32)
    low, high = max(first, 0), min(first + count, len(samples))
    out[low - first : high - first] = samples[low:high] / np.float32(32768)
    return out


def crop(shard: Shard, other: Shard, rng: np.random.Generator) -> Batch:
    """Return one window: mel (80, 700), components (350, 256), and weights of the steps (350,)."""
    hop = WHISPER_MEL.hop
    step = int(rng.integers(0, len(shard.targets) - STEPS))
    count = hop * (WINDOW_FRAMES - 1) + WHISPER_MEL.win
    first = 2 * hop * step - WHISPER_MEL.win // 2
    source = shard.degraded if rng.random() < P_DEGRADED else shard.sound
    samples = read_samples(source, first, count)
    weights = np.ones(STEPS, np.float32)
    weights[:MARGIN] = weights[-MARGIN:] = MARGIN_WEIGHT
    if rng.random() > P_PLAIN:
        start = int(rng.integers(0, max(len(other.sound) - count, 1)))
        samples = degrade.add_background(samples, read_samples(other.sound, start, count), rng)
        log_power = degrade.color(degrade.log_mel(samples, WINDOW_FRAMES), rng)
    else:
        log_power = degrade.log_mel(samples, WINDOW_FRAMES)
    if rng.random() < P_PADDED:  # the last window of a lecture
        end = int(rng.integers(STEPS // 7, STEPS))
        log_power[:, 2 * end :] = -10.0
        weights[end:] = 0.0
    return scale(log_power), shard.targets[step : step + STEPS].astype(np.float32), weights


def find_shards(folder: Path) -> dict[str, list[str]]:
    """Return the names of the complete shards by source."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*-*.json")):
        found.setdefault(path.stem.split("-")[0], []).append(path.stem)
    return found


def all_shards(folder: Path) -> list[str]:
    """Return the names of the complete shards."""
    return [name for names in find_shards(folder).values() for name in names]


def batches(folder: Path, size: int, seed: int) -> Iterator[Batch]:
    """Yield batches endlessly; shards that appear in ``folder`` are used from then on."""
    opened: dict[str, Shard] = {}
    number = 0
    while True:
        if number % 50 == 0:
            names = find_shards(folder)
            shares = np.array([SHARES[source] for source in names])
        rng = np.random.default_rng((seed, number))
        crops = []
        for _ in range(size):
            source = list(names)[rng.choice(len(names), p=shares / shares.sum())]
            chosen = [names[source][rng.integers(len(names[source]))] for _ in range(2)]
            for name in chosen:
                if name not in opened:
                    opened[name] = Shard.open(folder, name)
            crops.append(crop(opened[chosen[0]], opened[chosen[1]], rng))
        mel, targets, weights = (np.stack(part) for part in zip(*crops, strict=True))
        yield mel, targets, weights
        number += 1


def _produce(queue: Queue[Batch], folder: Path, size: int, seed: int) -> None:
    torch.set_num_threads(1)
    os.nice(2)
    for batch in batches(folder, size, seed):
        queue.put(batch)


class Loss(nn.Module):
    """Error of the components, and of what the teacher's motion reads from them."""

    weight: Tensor
    matrices: Tensor

    def __init__(self, projection: Path, motion: Path) -> None:
        super().__init__()
        with np.load(projection) as data:
            deviation = data["deviation"]
        basis = MotionBasis.load(PROJECT / "models_lite/lectern-lite/basis.npz")
        direction = basis.opening_direction
        read = SpeechMotion.load(motion)
        self.taps = read.taps.tolist()
        readout = read.matrices[..., : len(direction)].astype(np.float64)  # without scores
        readout = np.concatenate([readout, (readout @ direction)[..., None]], axis=2)
        self.register_buffer("weight", torch.from_numpy(deviation / deviation.mean()).float())
        self.register_buffer("matrices", torch.from_numpy(readout).float())

    def motion(self, values: Tensor) -> Tensor:
        """Return (B, T - 8, 11): mouth coefficients and opening, without their bias."""
        low, high = min(self.taps), max(self.taps)
        count = values.shape[1] - high + low
        parts = [
            values[:, tap - low : tap - low + count] @ matrix
            for tap, matrix in zip(self.taps, self.matrices, strict=True)
        ]
        return torch.stack(parts).sum(0)

    def forward(self, predicted: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        share = weights / weights.sum()
        error = predicted - targets
        components = ((error.square() * self.weight).mean(2) * share).sum()
        wanted = self.motion(targets)
        spread = wanted.var((0, 1)) + 1e-8
        inner = weights[:, -min(self.taps) : weights.shape[1] - max(self.taps)]
        motion = self.motion(error).square() / spread
        # The opening counts as much as the ten coefficients together.
        moved = motion[..., :-1].mean(2) + motion[..., -1]
        return components, (moved * inner / inner.sum()).sum()


@dataclass
class Record:
    """What is written beside the weights."""

    command: list[str]
    settings: dict[str, Any]
    curve: list[dict[str, float]]

    def save(self, path: Path, shards: Sequence[str]) -> None:
        """Write the record to ``path``."""
        values = {"command": self.command, "settings": self.settings, "curve": self.curve}
        path.write_text(json.dumps({**values, "shards": list(shards)}, indent=1) + "\n")


def start_from_regression(model: Student, examples: Sequence[Batch]) -> None:
    """Make the first layer the principal components of the stem, and the last one a regression.

    The blocks in between change nothing yet.
    """
    with torch.inference_mode():
        stem = [model.stem(torch.from_numpy(mel)).flatten(0, 1) for mel, _, _ in examples]
        values = torch.cat(stem).double()
        mean = values.mean(0)
        _, directions = torch.linalg.eigh(torch.cov((values - mean).T))
        chosen = directions.flip(1)[:, :WIDTH]
        scale = ((values - mean) @ chosen).std()
    with torch.no_grad():
        model.enter.weight.copy_(chosen.T / scale)
        model.enter.bias.copy_(-(mean @ chosen) / scale)
        rows = model.norm(model.enter(torch.cat(stem))).double()
        rows = torch.cat([rows, torch.ones(len(rows), 1, dtype=rows.dtype)], 1)
        targets = torch.cat([torch.from_numpy(t).flatten(0, 1) for _, t, _ in examples]).double()
        square = rows.T @ rows + _START_RIDGE * torch.eye(rows.shape[1], dtype=rows.dtype)
        found = torch.linalg.solve(square, rows.T @ targets)
        model.head.weight.copy_(found[:-1].T)
        model.head.bias.copy_(found[-1])


def optimizers(model: Student, rate: float) -> list[torch.optim.Optimizer]:
    """Return Muon for the matrices of the blocks and AdamW for everything else."""
    matrices = [p for block in model.blocks for p in block.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    decayed = [p for p in others if p.ndim > 1]
    plain = [p for p in others if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    return [adam, torch.optim.Muon(matrices, lr=10 * rate, weight_decay=0.01, momentum=0.95)]


def save_weights(path: Path, weights: dict[str, Tensor], step: int) -> None:
    """Write a checkpoint; the file is always complete."""
    torch.save({"format": 1, "step": step, "weights": weights}, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="folder of shards")
    parser.add_argument("--projection", type=Path, required=True)
    parser.add_argument(
        "--motion", type=Path, required=True, help="the motion on the teacher's components"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--resume", type=Path, help="checkpoint to continue from; all layers are trained then"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    context = get_context("spawn")
    queue: Queue[Batch] = context.Queue(_QUEUE)
    arguments = (queue, options.work, options.batch, options.seed)
    context.Process(target=_produce, args=arguments, daemon=True).start()
    model = Student()
    if options.resume:
        model.load_state_dict(torch.load(options.resume, map_location="cpu")["weights"])
        model.requires_grad_(True)
    else:
        model.stem.load(default_folder() / WEIGHTS)
        start_from_regression(model, list(islice(batches(options.work, 8, options.seed + 1), 10)))
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    loss = Loss(options.projection, options.motion)
    running = optimizers(model, options.rate)
    peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in running]
    settings = {k: getattr(v, "name", v) for k, v in vars(options).items()}
    record = Record([Path(word).name for word in sys.argv[1:]], settings, [])
    begin = saved = time.monotonic()
    sums, step = np.zeros(2), 0
    while True:
        now = time.monotonic()
        progress = (now - begin) / 60 / options.minutes
        if progress >= 1:
            break
        factor = min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * progress))
        for optimizer, rates in zip(running, peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = peak * factor
        mel, targets, weights = (torch.from_numpy(part) for part in queue.get())
        with torch.autocast("cpu", torch.bfloat16):
            predicted = model(mel)
        parts = loss(predicted.float(), targets, weights)
        (parts[0] + parts[1]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in running:
            optimizer.step()
            optimizer.zero_grad()
        step += 1
        decay = min(AVERAGING, step / (step + 20))
        with torch.no_grad():
            for name, value in model.state_dict().items():
                average[name].lerp_(value, 1 - decay)
        sums += [part.item() for part in parts]
        if step % 50 == 0:
            row = {"step": step, "minutes": round((now - begin) / 60, 2)}
            row |= {
                "components": round(float(sums[0]) / 50, 4),
                "motion": round(float(sums[1]) / 50, 4),
            }
            record.curve.append(row)
            print(row, flush=True)
            sums[:] = 0
        if now - saved > 150:
            saved = now
            save_weights(options.out / "student.pt", average, step)
            record.save(options.out / "curve.json", all_shards(options.work))
    save_weights(options.out / "student.pt", average, step)
    record.save(options.out / "curve.json", all_shards(options.work))


if __name__ == "__main__":
    main()
