"""Compare the cost per frame of our networks with Nota's and Wav2Lip's, measured in one run.

The other networks are built from their published layer tables with random weights, because the cost
does not depend on the weights. Times are CPU time on one thread at batch size 1. For our networks
the audio networks are included, with their cost per second divided by the frame rate.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from appliance.inference.manifest import Manifest
from export_tools.flops import cpu_milliseconds, measure_cost, random_inputs
from export_tools.wav2lip.network import NOTA, WAV2LIP, Wav2Lip
from export_tools.wav2lip.teacher_targets import export_wav2lip

FPS = 25.0
_MEL_FRAMES = 400  # mel frames per run of the motion network: four seconds
_MEL_RATE = 100.0


def cost_table(manifest: Manifest, rounds: int = 40) -> dict[str, dict[str, Any]]:
    """Return the cost of each network and precision.

    The columns are ``macs_m`` (millions of multiply-accumulates per frame), ``parameters_m``
    (millions), ``mb`` (size of all files), ``ms`` per frame and ``to_nota`` (its ratio to Nota's).
    """
    frames = _MEL_FRAMES / _MEL_RATE * FPS
    motion_sizes = {"frames": _MEL_FRAMES, "steps": _MEL_FRAMES // 2}
    motion = manifest.path("motion", "any")
    basis = manifest.path("basis", "any")
    ours = {f"{manifest.name} {p}": manifest.path("renderer", p) for p in manifest.precisions()}
    with tempfile.TemporaryDirectory() as folder:
        baselines = {}
        for name, layout in (("Nota, compressed Wav2Lip", NOTA), ("Wav2Lip", WAV2LIP)):
            baselines[name] = Path(folder) / f"{name}.onnx"
            torch.manual_seed(0)
            export_wav2lip(Wav2Lip(layout), baselines[name])
        timed = {name: (path, random_inputs(path)) for name, path in {**ours, **baselines}.items()}
        timed["motion"] = (motion, random_inputs(motion, motion_sizes))
        cpu_ms = cpu_milliseconds(timed, rounds)
        costs = {name: measure_cost(path) for name, path in {**ours, **baselines}.items()}
    audio = measure_cost(motion, motion_sizes)
    table: dict[str, dict[str, Any]] = {}
    for name, cost in costs.items():
        macs, parameters, size, ms = cost.macs, cost.parameters, cost.bytes, cpu_ms[name]
        if name in ours:
            macs += int(audio.macs / frames)
            parameters += audio.parameters
            size += audio.bytes + basis.stat().st_size
            ms += cpu_ms["motion"] / frames
        table[name] = {
            "macs_m": round(macs / 1e6, 1),
            "parameters_m": round(parameters / 1e6, 3),
            "mb": round(size / 1e6, 2),
            "ms": round(ms, 3),
        }
    base = table["Nota, compressed Wav2Lip"]["ms"]
    return {name: {**row, "to_nota": round(row["ms"] / base, 3)} for name, row in table.items()}
