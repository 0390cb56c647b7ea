"""The encoder: log-mel at 100 Hz to probabilities of the phonetic classes at 50 Hz.

It has about 0.6 M parameters. The context of an output is limited (:data:`CONTEXT_MELS` on each
side), so that long audio can be processed in overlapping blocks with the same result.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from export_tools.phonetics.inventory import CLASSES

MELS = 80
WIDTH = 144
DILATIONS = (1, 2, 4, 8, 1, 2, 4)
LEVEL_MELS = 64  # the local level is the mean over this many mel frames on each side
# Mel frames on each side that affect one output: level, front-end, dilated stack (two per step).
CONTEXT_MELS = LEVEL_MELS + 4 + 2 * sum(DILATIONS)


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each time step; input and output (B, C, T)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, width, 1))
        self.bias = nn.Parameter(torch.zeros(1, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        scale = torch.rsqrt((centred * centred).mean(1, keepdim=True) + 1e-5)
        return centred * scale * self.gain + self.bias


class Residual(nn.Module):
    """A residual block: x + pointwise(relu(norm(dilated convolution of three steps)))."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.norm = ChannelNorm(width)
        self.point = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.dropout(self.point(functional.relu(self.norm(self.wide(x)))))
        return out


class Encoder(nn.Module):
    """The encoder network: ``module(mel[B, 80, T]) -> posteriors[B, C, T // 2]``.

    Output frame k is at mel frame 2 k.
    """

    def __init__(self, width: int = WIDTH, dropout: float = 0.1) -> None:
        super().__init__()
        # Two small 2-D convolutions first: a higher voice is a shift along the frequency axis.
        self.front1 = nn.Conv2d(1, 12, (5, 3), stride=(2, 1), padding=(2, 1))
        self.front2 = nn.Conv2d(12, 16, (3, 3), stride=(2, 1), padding=(1, 1))
        self.enter = nn.Conv1d(16 * MELS // 4, width, 3, stride=2)
        self.norm = ChannelNorm(width)
        self.body = nn.Sequential(*(Residual(width, d, dropout) for d in DILATIONS))
        self.leave = nn.Conv1d(width, len(CLASSES), 1)

    def logits(self, mel: Tensor) -> Tensor:
        """Return the outputs before the softmax, (B, C, T // 2)."""
        level = mel.mean(1, keepdim=True)
        local = functional.avg_pool1d(
            level, 2 * LEVEL_MELS + 1, stride=1, padding=LEVEL_MELS, count_include_pad=False
        )
        x = ((mel - local) * 0.25).unsqueeze(1)
        x = functional.relu(self.front1(x))
        x = functional.relu(self.front2(x))
        # Padding of one step only on the left results in T // 2 steps, centred on the even frames.
        x = self.enter(functional.pad(x.flatten(1, 2), (1, 0)))
        out: Tensor = self.leave(self.body(functional.relu(self.norm(x))))
        return out

    def forward(self, mel: Tensor) -> Tensor:
        return torch.softmax(self.logits(mel), 1)


def load_encoder(path: Path | str) -> Encoder:
    """Load the encoder of a checkpoint, ready for inference.

    A checkpoint is a dict ``{"format": 1, "classes": [...], "weights": state_dict, "step": int,
    "scores": {...}}``. Raises ``ValueError`` if its classes are not those of this version.
    """
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if tuple(state["classes"]) != CLASSES:
        raise ValueError(f"{path}: trained for other classes")
    encoder = Encoder()
    encoder.load_state_dict(state["weights"])
    return encoder.eval()
