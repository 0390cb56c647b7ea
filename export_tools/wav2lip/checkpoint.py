"""Load a Wav2Lip checkpoint that its user owns; none comes with this project.

The published files hold ``{"state_dict": ...}`` with an optional ``module.`` before each name, as
``torch.nn.DataParallel`` leaves it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from export_tools.wav2lip.network import NOTA, WAV2LIP, Layout, Wav2Lip

LICENCE_WARNING = (
    "Wav2Lip's published weights were trained on LRS2 and are for research and personal use only; "
    "what is distilled from them inherits that limit. Ship only what was taught by weights whose "
    "licence allows it."
)


def load_wav2lip(path: Path) -> Wav2Lip:
    """The network of a checkpoint, of the original or of Nota's size, ready for inference.

    Prints :data:`LICENCE_WARNING` to stderr. Only tensors are read, no code of the file runs.
    Raises ``ValueError`` where the file is no such checkpoint.
    """
    print(LICENCE_WARNING, file=sys.stderr)
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for files that are not its own
        raise ValueError(f"{path}: no checkpoint of torch ({type(error).__name__})") from error
    weights = state.get("state_dict", state) if isinstance(state, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(k, str) for k in weights):
        raise ValueError(f"{path}: holds no named weights")
    named = {name.removeprefix("module."): value for name, value in weights.items()}
    network = Wav2Lip(_layout_of(path, named))
    try:
        network.load_state_dict(named)
    except RuntimeError as error:
        raise ValueError(f"{path}: not Wav2Lip's layers: {str(error).splitlines()[-1]}") from error
    return network.eval()


def _layout_of(path: Path, weights: dict[str, Any]) -> Layout:
    first = weights.get("face_encoder_blocks.0.0.conv_block.0.weight")
    for layout in (WAV2LIP, NOTA):
        if isinstance(first, torch.Tensor) and first.shape[0] == layout.face[0]:
            return layout
    raise ValueError(f"{path}: not Wav2Lip's layers")
