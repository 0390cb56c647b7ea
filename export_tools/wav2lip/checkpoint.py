"""Load a Wav2Lip checkpoint of the user; none is shipped with this project.

The published files contain ``{"state_dict": ...}`` with an optional prefix ``module.`` of each
name, added by ``torch.nn.DataParallel``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch

from export_tools.wav2lip.network import NOTA, WAV2LIP, Layout, Wav2Lip

LICENCE_WARNING = (
    "Wav2Lip's published weights were trained on LRS2 and are for research and personal use only; "
    "models distilled from them have the same restriction. Distribute only models that were "
    "distilled from weights whose licence allows it."
)


def load_wav2lip(path: Path) -> Wav2Lip:
    """Load a network of the original or of Nota's size from a checkpoint, ready for inference.

    Prints :data:`LICENCE_WARNING` to stderr. Only tensors are loaded; code in the file is not run.
    Raises ``ValueError`` if the file is not such a checkpoint.
    """
    print(LICENCE_WARNING, file=sys.stderr)
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for invalid files
        raise ValueError(f"{path}: not a torch checkpoint ({type(error).__name__})") from error
    weights = state.get("state_dict", state) if isinstance(state, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(k, str) for k in weights):
        raise ValueError(f"{path}: contains no named weights")
    named = {name.removeprefix("module."): value for name, value in weights.items()}
    network = Wav2Lip(_detect_layout(path, named))
    try:
        network.load_state_dict(named)
    except RuntimeError as error:
        raise ValueError(f"{path}: not a Wav2Lip network: {str(error).splitlines()[-1]}") from error
    return network.eval()


def _detect_layout(path: Path, weights: dict[str, Any]) -> Layout:
    first = weights.get("face_encoder_blocks.0.0.conv_block.0.weight")
    for layout in (WAV2LIP, NOTA):
        if isinstance(first, torch.Tensor) and first.shape[0] == layout.face[0]:
            return layout
    raise ValueError(f"{path}: not a Wav2Lip network")
