"""The motion network: phonetic posteriors and loudness -> mouth coefficients at 50 Hz.

Kept small on purpose. It learns from a few speakers and 51 words; whatever it could remember
beyond "this sound, this loud, makes that mouth" is a sentence of GRID.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from export_tools.phonetics.encoder import ChannelNorm
from export_tools.phonetics.inventory import CLASSES, INDEX

WIDTH = 48
SHUT_POWER = 0.45  # below 1: half a closure shuts more than half
DILATIONS = (1, 2, 4)
# 50 Hz steps on each side that one output sees: the entry, the stack, the exit
CONTEXT_STEPS = 2 + sum(DILATIONS) + 1


class MotionNet(nn.Module):
    """``module(posteriors[B, C, n], loudness[B, n]) -> coefficients[B, K, n]``."""

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
        # Roots, made to add up again: what is half likely should count as more than a trace.
        root = posteriors.clamp_min(1e-5).sqrt()
        x = self.enter(torch.cat([root / root.sum(1, keepdim=True), loudness.unsqueeze(1)], 1))
        for wide, norm in zip(self.wide, self.norms, strict=True):
            moved = wide(functional.relu(norm(x)))
            # Left out of inference: ONNX has no name for dropping whole channels.
            x = x + (self.dropout(moved) if self.training else moved)
        out: Tensor = self.leave(x)
        return out


class Ensemble(nn.Module):
    """The mean of several motion networks: trained apart, they err apart."""

    def __init__(self, members: list[MotionNet]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, posteriors: Tensor, loudness: Tensor) -> Tensor:
        outputs = [member(posteriors, loudness) for member in self.members]
        return torch.stack(outputs).mean(0)


class Shutter(nn.Module):
    """Shuts the lips for p, b and m: ``motion`` (B, K, n) shrinks towards rest, the shut mouth.

    A network trained to be right on average never quite shuts a mouth, for its closures are spread
    over the moments at which they may fall. The encoder knows better when they do.
    """

    def __init__(self) -> None:
        super().__init__()
        # One step (20 ms) on each side, so that lips do not snap.
        self.register_buffer("kernel", torch.tensor([[[0.25, 0.5, 0.25]]]))

    def forward(self, motion: Tensor, posteriors: Tensor) -> Tensor:
        index = INDEX["P"]
        kernel: Tensor = self.get_buffer("kernel")
        likely = functional.conv1d(posteriors[:, index : index + 1], kernel, padding=1)
        return motion * (1.0 - likely.clamp(1e-5, 1.0) ** SHUT_POWER)
