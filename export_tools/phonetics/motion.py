"""The motion network: phonetic posteriors and loudness -> mouth coefficients at 50 Hz.

Kept small on purpose. It learns from a few speakers and 51 words; whatever it could remember
beyond "this sound, this loud, makes that mouth" is a sentence of GRID.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from export_tools.phonetics.encoder import ChannelNorm
from export_tools.phonetics.inventory import CLASSES, SILENCE

WIDTH = 48
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
        x = self.enter(torch.cat([posteriors, loudness.unsqueeze(1)], 1))
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


def blur_posteriors(posteriors: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Training noise: flatten by a random temperature and forget random classes.

    (B, C, n) probabilities in and out. A forgotten class's share goes to silence, so that no class
    can be relied upon alone.
    """
    batch, classes, _ = posteriors.shape
    warmth = 1.0 + strength * torch.rand(batch, 1, 1, generator=generator)
    soft = posteriors.clamp_min(1e-6) ** (1.0 / warmth)
    soft = soft / soft.sum(1, keepdim=True)
    keep = (torch.rand(batch, classes, 1, generator=generator) > 0.08).float()
    keep[:, SILENCE] = 1.0
    kept = soft * keep
    kept[:, SILENCE] += 1.0 - kept.sum(1)
    return kept
