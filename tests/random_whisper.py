"""A speech encoder with random weights, for tests that need no download."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from appliance.inference.network import Network
from appliance.speech.whisper_encoder import SpeechEncoder
from appliance.speech.whisper_package import Tensor
from appliance.speech.whisper_weights import (
    GRAPH,
    WEIGHTS,
    join_weights,
    source_folder,
    stored_tensors,
)


def random_tensors() -> dict[str, Tensor]:
    """Tensors as in the package, with values that keep the features of the order of one."""
    rng = np.random.default_rng(5)
    tensors = {}
    for tensor in stored_tensors():
        shape = tensor.shape[::-1] if tensor.transposed else tensor.shape
        fan_in = math.prod(shape[1:]) if tensor.name.endswith("/weight") else 25
        values = rng.normal(0, fan_in**-0.5, shape)
        tensors[tensor.name] = (values + tensor.name.endswith("gamma")).astype(np.float16)
    return tensors


def open_random_encoder(folder: Path) -> SpeechEncoder:
    """Write the graph of the repository with random weights to ``folder`` and open it."""
    (folder / GRAPH).write_bytes((source_folder() / GRAPH).read_bytes())
    (folder / WEIGHTS).write_bytes(join_weights(random_tensors()))
    return SpeechEncoder(Network(folder / GRAPH))
