"""The motion network: phonetic posteriors and loudness to mouth coefficients at 50 Hz.

It is intentionally small. It is trained on few speakers and 51 words; a larger network would
memorize the sentences of GRID instead of the relation between sound, loudness and mouth.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from export_tools.phonetics.encoder import ChannelNorm
from export_tools.phonetics.inventory import CLASSES, INDEX

WIDTH = 48
CLOSURE_POWER = 0.45  # below 1: a closure with probability 0.5 closes the lips by more than half
DILATIONS = (1, 2, 4)
# 50 Hz steps on each side that affect one output: entry, stack, exit
CONTEXT_STEPS = 2 + sum(DILATIONS) + 1


class MotionNet(nn.Module):
    """A network ``module(posteriors[B, C, n], loudness[B, n]) -> coefficients[B, K, n]``."""

    def __init__(self, outputs: int, width: int = WIDTH, dropout: float = 0.2) -> None:
        super().__init__()
        self.enter = nn.Conv1d(len(CLASSES) + 1, width, 5, padding=2)
        self.wide = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in DILATIONS
        )
        self.norms = nn.ModuleList(ChannelNorm(width) for _ in DILATIONS)
        self.leave = nn.Conv1d(width, outputs, 3, padding=1)
        self.dropout = nn.Dropout1d(dropout)

    def forward(self, posteriors: Tensor, loudness: Tensor) -> Tensor:
        # Normalised square roots, which increase the influence of less probable classes.
        root = posteriors.clamp_min(1e-5).sqrt()
        x = self.enter(torch.cat([root / root.sum(1, keepdim=True), loudness.unsqueeze(1)], 1))
        for wide, norm in zip(self.wide, self.norms, strict=True):
            moved = wide(functional.relu(norm(x)))
            # Omitted for inference: ONNX has no operator for channel dropout.
            x = x + (self.dropout(moved) if self.training else moved)
        out: Tensor = self.leave(x)
        return out


class MotionEnsemble(nn.Module):
    """The mean of several independently trained motion networks, whose errors partly cancel."""

    def __init__(self, members: list[MotionNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, posteriors: Tensor, loudness: Tensor) -> Tensor:
        outputs = [member(posteriors, loudness) for member in self.members]
        return torch.stack(outputs).mean(0)


class LipClosure(nn.Module):
    """Lip closure for p, b and m: scales ``motion`` (B, K, n) towards rest, the closed mouth.

    A network trained for a small mean error never closes the mouth completely, because its closures
    are spread over the possible times. The encoder determines these times more exactly.
    """

    def __init__(self) -> None:
        super().__init__()
        # Smoothing by one step (20 ms) on each side prevents abrupt motion.
        self.register_buffer("kernel", torch.tensor([[[0.25, 0.5, 0.25]]]))

    def forward(self, motion: Tensor, posteriors: Tensor) -> Tensor:
        index = INDEX["P"]
        kernel: Tensor = self.get_buffer("kernel")
        likely = functional.conv1d(posteriors[:, index : index + 1], kernel, padding=1)
        return motion * (1.0 - likely.clamp(1e-5, 1.0) ** CLOSURE_POWER)
