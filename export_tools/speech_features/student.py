"""The student: a convolutional network that predicts components of the teacher's features.

Input and windows are those of the teacher (:mod:`appliance.speech.log_mel`), and so are the two
convolutions at the beginning, which are not trained. The teacher's three transformer blocks, 9.5 M
parameters, are replaced by blocks of ConvNeXt (Liu et al. 2022, "A ConvNet for the 2020s") with
1.6 M: depthwise convolution over time, normalisation, and two layers per step. Once, an average
over the window that is weighted by attention adds what is the same throughout: voice, room and
microphone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from appliance.speech.log_mel import WHISPER_MEL
from appliance.speech.whisper_weights import stored_tensors

STEM = 512  # channels of Whisper's convolutions
WIDTH = 256
HIDDEN = 512
KERNEL = 7
DILATIONS = (1, 2, 4, 1, 2, 4)
POOL_AFTER = 1
HEADS = 4
COMPONENTS = 256


class Block(nn.Module):
    """x + layers(norm(depthwise convolution of x)) for (B, T, C)."""

    def __init__(self, width: int, hidden: int, dilation: int) -> None:
        super().__init__()
        reach = KERNEL // 2 * dilation
        self.depthwise = nn.Conv2d(
            width, width, (1, KERNEL), padding=(0, reach), dilation=(1, dilation), groups=width
        )
        self.norm = nn.LayerNorm(width)
        self.wide = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        nn.init.zeros_(self.narrow.weight)  # at first, a block changes nothing
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Tensor) -> Tensor:
        # (B, C, 1, T) of a contiguous (B, T, C) is channels-last, which the convolution is fast on.
        mixed = self.depthwise(x.transpose(1, 2).unsqueeze(2)).squeeze(2).transpose(1, 2)
        out: Tensor = x + self.narrow(
            functional.gelu(self.wide(self.norm(mixed)), approximate="none")
        )
        return out


class Pool(nn.Module):
    """Adds a function of the average over time, weighted by attention, to (B, T, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, HEADS)
        self.enter = nn.Linear(HEADS * width, width // 4)
        self.leave = nn.Linear(width // 4, width)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.softmax(self.score(x), 1)
        mean = torch.matmul(weights.transpose(1, 2), x).flatten(1)
        out: Tensor = x + self.leave(functional.gelu(self.enter(mean))).unsqueeze(1)
        return out


class Stem(nn.Module):
    """Whisper's two convolutions: (B, 80, T) to (B, T // 2, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(WHISPER_MEL.mels, STEM, 3, padding=1)
        self.conv2 = nn.Conv1d(STEM, STEM, 3, stride=2, padding=1)
        self.requires_grad_(False)

    def forward(self, mel: Tensor) -> Tensor:
        x = functional.gelu(self.conv1(mel))
        return functional.gelu(self.conv2(x)).transpose(1, 2)

    def load(self, path: Path) -> None:
        """Copy the weights from the file of :mod:`appliance.speech.whisper_weights`."""
        data = path.read_bytes()
        for tensor in stored_tensors():
            _, name, *kind = tensor.name.split("/")
            if name in ("conv1", "conv2"):
                values = np.frombuffer(data, "<f2", tensor.size // 2, tensor.offset)
                target = self.get_parameter(f"{name}.{kind[0]}")
                target.copy_(torch.from_numpy(values.astype(np.float32)).view_as(target))


class Student(nn.Module):
    """The student: ``module(mel[B, 80, T]) -> components[B, T // 2, 256]``."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.enter = nn.Linear(STEM, WIDTH)
        self.blocks = nn.ModuleList(Block(WIDTH, HIDDEN, dilation) for dilation in DILATIONS)
        self.pool = Pool(WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, COMPONENTS)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.enter(self.stem(mel))
        for index, block in enumerate(self.blocks):
            if index == POOL_AFTER:
                x = self.pool(x)
            x = block(x)
        out: Tensor = self.head(self.norm(x))
        return out
