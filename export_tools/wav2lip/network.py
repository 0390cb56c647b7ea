"""Wav2Lip's generator and Nota's compressed version, built from their published layer tables.

Wav2Lip: Prajwal et al. 2020, arXiv 2008.10010. Nota: Kim et al. 2023, arXiv 2304.00471, table of
"28× compressed": no residual blocks, a quarter of the channels. Both have the same structure with
different sizes. The weights are random; the parameters have the names of the published checkpoints,
so that such a file can be loaded (see ``checkpoint``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FACE = 96
MELS, STEPS = 80, 16


@dataclass(frozen=True)
class Layout:
    """The channels of each stage, and the number of residual convolutions after its first one.

    The stages of ``face`` have 96, 48, 24, 12, 6, 3 and 1 pixels. ``audio`` has five stages and a
    final 1 × 1 convolution. ``decoder`` starts with a 1 × 1 convolution and doubles the size from 3
    to 96 pixels. ``last`` is the number of channels before the output image.
    """

    face: tuple[int, ...]
    face_residuals: tuple[int, ...]
    audio: tuple[int, ...]
    audio_residuals: tuple[int, ...]
    decoder: tuple[int, ...]
    decoder_residuals: tuple[int, ...]
    last: int


WAV2LIP = Layout(
    face=(16, 32, 64, 128, 256, 512, 512),
    face_residuals=(0, 2, 3, 2, 2, 1, 0),
    audio=(32, 64, 128, 256, 512),
    audio_residuals=(2, 2, 2, 1, 0),
    decoder=(512, 512, 512, 384, 256, 128, 64),
    decoder_residuals=(0, 1, 2, 2, 2, 2, 2),
    last=32,
)
NOTA = Layout(
    face=(4, 8, 16, 32, 64, 128, 128),
    face_residuals=(0,) * 7,
    audio=(8, 16, 32, 64, 128),
    audio_residuals=(0,) * 5,
    decoder=(128, 128, 128, 96, 64, 32, 16),
    decoder_residuals=(0,) * 7,
    last=8,
)
_AUDIO_STRIDES = ((1, 1), (3, 1), (3, 3), (3, 2), (1, 1))


class Block(nn.Module):
    """A (transposed) convolution, batch normalisation, an optional skip connection and ReLU."""

    def __init__(self, convolution: nn.Module, channels: int, residual: bool = False) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(channels))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_block(x)
        return F.relu(out + x if self.residual else out)


def _conv_block(
    inputs: int, outputs: int, kernel: int, stride: int | tuple[int, int], padding: int
) -> Block:
    return Block(nn.Conv2d(inputs, outputs, kernel, stride, padding), outputs)


def _residual_blocks(channels: int, count: int) -> list[nn.Module]:
    return [
        Block(nn.Conv2d(channels, channels, 3, 1, 1), channels, residual=True) for _ in range(count)
    ]


def _upsampling_block(inputs: int, outputs: int, first: bool) -> Block:
    stride, padding, extra = (1, 0, 0) if first else (2, 1, 1)
    return Block(nn.ConvTranspose2d(inputs, outputs, 3, stride, padding, extra), outputs)


class Wav2Lip(nn.Module):
    """Wav2Lip: ``module(mel[B, 1, 80, 16], face[B, 6, 96, 96]) -> face[B, 3, 96, 96]``.

    The output is BGR in 0..1.
    """

    def __init__(self, layout: Layout = WAV2LIP) -> None:
        super().__init__()
        self.face_encoder_blocks = nn.ModuleList(_face_encoder(layout))
        self.audio_encoder = nn.Sequential(*_audio_encoder(layout))
        self.face_decoder_blocks = nn.ModuleList(_decoder(layout))
        joined = layout.decoder[-1] + layout.face[0]
        self.output_block = nn.Sequential(
            _conv_block(joined, layout.last, 3, 1, 1), nn.Conv2d(layout.last, 3, 1), nn.Sigmoid()
        )

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        skips = []
        for encode in self.face_encoder_blocks:
            face = encode(face)
            skips.append(face)
        x = self.audio_encoder(mel)
        for decode in self.face_decoder_blocks:
            x = torch.cat([decode(x), skips.pop()], dim=1)
        picture: Tensor = self.output_block(x)
        return picture


def _face_encoder(layout: Layout) -> list[nn.Module]:
    stages: list[nn.Module] = []
    previous = 6
    last = len(layout.face) - 1
    for i, (width, count) in enumerate(zip(layout.face, layout.face_residuals, strict=True)):
        if i == 0:
            layers: list[nn.Module] = [_conv_block(previous, width, 7, 1, 3)]
        elif i == last:
            layers = [_conv_block(previous, width, 3, 1, 0), _conv_block(width, width, 1, 1, 0)]
        else:
            layers = [_conv_block(previous, width, 3, 2, 1)]
        stages.append(nn.Sequential(*layers, *_residual_blocks(width, count)))
        previous = width
    return stages


def _audio_encoder(layout: Layout) -> list[nn.Module]:
    layers: list[nn.Module] = []
    previous = 1
    last = len(layout.audio) - 1
    plan = zip(layout.audio, layout.audio_residuals, _AUDIO_STRIDES, strict=True)
    for i, (width, count, stride) in enumerate(plan):
        layers.append(_conv_block(previous, width, 3, stride, 0 if i == last else 1))
        layers += _residual_blocks(width, count)
        previous = width
    return [*layers, _conv_block(previous, previous, 1, 1, 0)]


def _decoder(layout: Layout) -> list[nn.Module]:
    stages: list[nn.Module] = [
        nn.Sequential(_conv_block(layout.audio[-1], layout.decoder[0], 1, 1, 0)),
    ]
    for i in range(1, len(layout.decoder)):
        inputs = layout.decoder[i - 1] + layout.face[len(layout.face) - i]
        width = layout.decoder[i]
        upsampling = _upsampling_block(inputs, width, first=i == 1)
        stages.append(
            nn.Sequential(upsampling, *_residual_blocks(width, layout.decoder_residuals[i]))
        )
    return stages


def example_inputs(batch: int = 1) -> tuple[Tensor, Tensor]:
    """Return random inputs: mel (B, 1, 80, 16) and face (B, 6, 96, 96)."""
    generator = torch.Generator().manual_seed(0)
    mel = torch.randn(batch, 1, MELS, STEPS, generator=generator)
    return mel, torch.rand(batch, 6, FACE, FACE, generator=generator)
