"""Compare the cost per frame of our networks with Nota's and Wav2Lip's, measured in one run.

The other networks are built from their published layer tables with random weights, because the cost
does not depend on the weights. Times are CPU time on one thread at batch size 1. The cost of our
networks includes that of hearing: of the student network per video frame. It runs on windows of 7 s
with 1 s of context on both sides, each for 5 s of video.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from appliance.inference.manifest import Manifest
from appliance.speech.log_mel import CONTEXT_FRAMES, WHISPER_MEL, WINDOW_FRAMES
from appliance.speech.speech_encoder import GRAPH, model_folder
from export_tools.flops import cpu_milliseconds, measure_cost, random_inputs
from export_tools.wav2lip.network import NOTA, WAV2LIP, Wav2Lip
from export_tools.wav2lip.teacher_targets import export_wav2lip

FPS = 25.0
_WINDOW_S = (WINDOW_FRAMES - 2 * CONTEXT_FRAMES) * WHISPER_MEL.hop / WHISPER_MEL.rate  # own part


def cost_table(manifest: Manifest, rounds: int = 40) -> dict[str, dict[str, Any]]:
    """Return the cost of each network and precision.

    The columns are ``macs_m`` (millions of multiply-accumulates per frame), ``parameters_m``
    (millions), ``mb`` (size of all files), ``ms`` per frame and ``to_nota`` (its ratio to Nota's).
    """
    frames = _WINDOW_S * FPS
    encoder = model_folder() / GRAPH
    linear = sum(manifest.path(role, "any").stat().st_size for role in ("motion", "basis"))
    ours = {f"{manifest.name} {p}": manifest.path("renderer", p) for p in manifest.precisions()}
    with tempfile.TemporaryDirectory() as folder:
        baselines = {}
        for name, layout in (("Nota, compressed Wav2Lip", NOTA), ("Wav2Lip", WAV2LIP)):
            baselines[name] = Path(folder) / f"{name}.onnx"
            torch.manual_seed(0)
            export_wav2lip(Wav2Lip(layout), baselines[name])
        timed = {name: (path, random_inputs(path)) for name, path in {**ours, **baselines}.items()}
        timed["encoder"] = (encoder, random_inputs(encoder))
        cpu_ms = cpu_milliseconds(timed, rounds)
        costs = {name: measure_cost(path) for name, path in {**ours, **baselines}.items()}
    audio = measure_cost(encoder)
    table: dict[str, dict[str, Any]] = {}
    for name, cost in costs.items():
        macs, parameters, size, ms = cost.macs, cost.parameters, cost.bytes, cpu_ms[name]
        if name in ours:
            macs += int(audio.macs / frames)
            parameters += audio.parameters
            size += audio.bytes + linear
            ms += cpu_ms["encoder"] / frames
        table[name] = {
            "macs_m": round(macs / 1e6, 1),
            "parameters_m": round(parameters / 1e6, 3),
            "mb": round(size / 1e6, 2),
            "ms": round(ms, 3),
        }
    base = table["Nota, compressed Wav2Lip"]["ms"]
    return {name: {**row, "to_nota": round(row["ms"] / base, 3)} for name, row in table.items()}
