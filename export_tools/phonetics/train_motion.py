"""Train the motion network on the posteriors of the encoder and export both as one ONNX file.

    python -m export_tools.phonetics.train_motion DATA_DIR --landmarks DIR --encoder encoder.pt \\
        --out DIR [--steps 600] [--seeds 3]

Writes ``motion.onnx`` (inputs ``mel`` (1, 80, T) and ``loudness`` (1, T) at 100 Hz; outputs
``motion`` (1, K, T/2) and ``posteriors``), ``basis.npz`` and ``scores.json`` with the
command, the seeds and the correlations of every split. The training is intentionally short: the
longer it runs on GRID's 51 words, the worse the result for free speech (see the model card).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from export_tools.phonetics.encoder import CONTEXT_MELS, Encoder, load_encoder
from export_tools.phonetics.motion import CONTEXT_STEPS, LipClosure, MotionEnsemble, MotionNet
from export_tools.phonetics.motion_data import (
    OFFSET_S,
    RATE_HZ,
    Clip,
    encode,
    load_split,
    motion_basis,
    motion_targets,
)
from export_tools.phonetics.motion_score import median_scores

Array32 = npt.NDArray[np.float32]

COEFFICIENTS = 10
AUGMENTATIONS = 4  # augmented versions of each training clip, with other voices and rooms
STRIDE = 2
_BATCH, _CROP_STEPS = 24, 140
_MAIN_SPEAKER_SHARE = 0.6  # share of the samples from the one speaker with many clips
_RATE, _DECAY, _WARM_UP = 3e-3, 0.05, 30
_SCALE = 0.1  # movement in eye distances that counts as 1 in the loss
_LOUDNESS_NOISE = 0.15
# The first coefficients have the largest effect on the image.
_WEIGHTS = (1.0, 1.0, 0.7, 0.5, 0.5, 0.5, 0.4, 0.3, 0.3, 0.3)


class EncodedClip:
    """A clip with its targets and its encoder outputs: first the original, then augmented ones."""

    def __init__(
        self, clip: Clip, encoder: Encoder, vectors: npt.NDArray[np.float64], augmentations: int
    ) -> None:
        self.clip = clip
        self.targets = motion_targets(clip, vectors)
        self.versions = [encode(clip, encoder)]
        seed = sum(clip.name.encode())
        for k in range(augmentations):
            self.versions.append(encode(clip, encoder, np.random.default_rng((seed, k))))


def draw_batch(
    rng: np.random.Generator, clips: list[EncodedClip], share: float, batch: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a batch: posteriors (B, C, n), loudness (B, n) and target coefficients (B, K, n)."""
    main_speaker = [c for c in clips if c.clip.speaker == "s1"]
    others = [c for c in clips if c.clip.speaker != "s1"]
    rows = []
    for _ in range(batch):
        group = main_speaker if rng.random() < share else others
        clip = group[rng.integers(len(group))]
        posteriors, loudness = clip.versions[rng.integers(len(clip.versions))]
        length = min(posteriors.shape[1], len(loudness), len(clip.targets))
        begin = int(rng.integers(0, max(length - _CROP_STEPS, 0) + 1))
        span = slice(begin, min(begin + _CROP_STEPS, length))
        rows.append((posteriors[:, span], loudness[span], clip.targets[span].T))
    shortest = min(row[1].shape[0] for row in rows)

    def stack(k: int) -> Tensor:
        return torch.from_numpy(np.stack([row[k][..., :shortest] for row in rows]))

    return stack(0), stack(1), stack(2)


def train(
    clips: list[EncodedClip],
    steps: int,
    seed: int,
    *,
    share: float = _MAIN_SPEAKER_SHARE,
    batch: int = _BATCH,
) -> MotionNet:
    """Train one network with ``seed``; ``share`` of its samples are of the speaker s1."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = MotionNet(COEFFICIENTS, dropout=0.0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    weight = torch.tensor(_WEIGHTS).view(1, -1, 1)
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            cosine = 0.5 + 0.5 * float(np.cos(np.pi * step / steps))
            group["lr"] = _RATE * min(1.0, step / _WARM_UP) * (cosine + 0.01)
        posteriors, loudness, wanted = draw_batch(rng, clips, share, batch)
        speaking = (loudness > -1.99).float()
        loudness = loudness + _LOUDNESS_NOISE * torch.randn(len(loudness), 1) * speaking
        error = functional.smooth_l1_loss(
            network(posteriors, loudness) / _SCALE, wanted / _SCALE, reduction="none"
        )
        optimiser.zero_grad()
        (weight * error).mean().backward()
        optimiser.step()
    return network.eval()


@torch.inference_mode()
def predict_coefficients(network: nn.Module, clip: EncodedClip) -> Array32:
    """Return the coefficients (n, K) of a clip without augmentation, after :class:`LipClosure`."""
    posteriors, loudness = clip.versions[0]
    encoded = torch.from_numpy(posteriors[None])
    out = LipClosure()(network(encoded, torch.from_numpy(loudness[None])), encoded)
    return np.asarray(out[0].T.numpy(), np.float32)


def score_network(
    network: nn.Module, clips: list[EncodedClip], vectors: npt.NDArray[np.float64]
) -> Any:
    """Return the correlation of the mouth opening with the real one, medians over ``clips``."""
    outputs = [predict_coefficients(network, clip) for clip in clips]
    scores = median_scores([clip.clip for clip in clips], vectors, outputs)
    return {name: float(value) for name, value in scores.items()}


class MotionModel(nn.Module):
    """Encoder, motion network and lip closure as one network, which is shipped."""

    def __init__(self, encoder: Encoder, motion: nn.Module) -> None:
        super().__init__()
        self.encoder, self.motion, self.lip_closure = encoder, motion, LipClosure()

    def forward(self, mel: Tensor, loudness: Tensor) -> tuple[Tensor, Tensor]:
        posteriors = self.encoder(mel)
        halved = functional.avg_pool1d(loudness.unsqueeze(1), STRIDE).squeeze(1)
        return self.lip_closure(self.motion(posteriors, halved), posteriors), posteriors


def export(network: MotionModel, target: Path) -> None:
    """Export ``network`` to ONNX: opset 17, free length.

    The metadata contains rate, offset, context and stride, which are needed to process long audio
    in blocks.
    """
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 80, 400), torch.zeros(1, 400)),
        str(target),
        input_names=["mel", "loudness"],
        output_names=["motion", "posteriors"],
        dynamic_axes={
            "mel": {2: "frames"},
            "loudness": {1: "frames"},
            "motion": {2: "steps"},
            "posteriors": {2: "steps"},
        },
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(str(target))
    context = CONTEXT_MELS + STRIDE * CONTEXT_STEPS
    metadata = {
        "rate_hz": RATE_HZ,
        "offset_s": OFFSET_S,
        "context_frames": context + context % STRIDE,
        "stride": STRIDE,
    }
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(model, str(target))


def make_parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of all tools that train a motion network."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with grid/ and wild/")
    parser.add_argument("--landmarks", type=Path, required=True, help="folder of landmark files")
    parser.add_argument("--encoder", type=Path, required=True, help="checkpoint of the encoder")
    parser.add_argument("--out", type=Path, required=True, help="file or folder to write")
    return parser


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("--steps", type=int, default=600, help="training steps (default: 600)")
    parser.add_argument(
        "--seeds", type=int, default=3, help="networks in the ensemble (default: 3)"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    encoder = load_encoder(args.encoder).eval()
    clips = load_split(args.data, args.landmarks)
    vectors = motion_basis(clips["train"], COEFFICIENTS)
    encoded = {
        split: [
            EncodedClip(c, encoder, vectors, AUGMENTATIONS if split == "train" else 0)
            for c in split_clips
        ]
        for split, split_clips in clips.items()
    }
    print("clips encoded", flush=True)
    members = []
    for seed in range(args.seeds):
        members.append(train(encoded["train"], args.steps, seed))
        print(seed, score_network(members[-1], encoded["wild"], vectors), flush=True)
    ensemble = MotionEnsemble(members).eval()
    scores = {s: score_network(ensemble, encoded[s], vectors) for s in ("known", "new", "wild")}
    export(MotionModel(encoder, ensemble), args.out / "motion.onnx")
    np.savez(args.out / "basis.npz", vectors=vectors)
    record = {"command": sys.argv, "seeds": list(range(args.seeds)), "scores": scores}
    (args.out / "scores.json").write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()
