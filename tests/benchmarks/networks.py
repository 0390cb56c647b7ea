"""Measure the network alone, by precision and batch, and Nota's and Wav2Lip's architectures.

    python -m tests.benchmarks.networks FOLDER [--batches 1 4 8 16]

The other two are built from their published layer tables with random weights (``export`` extra).
CPU time on one thread, the networks alternating. Writes FOLDER/networks.csv and, if matplotlib is
installed, a plot.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from appliance.inference.manifest import load_manifest
from appliance.render.render import MODELS_FOLDER
from export_tools.flops import cpu_milliseconds, random_inputs
from export_tools.wav2lip.network import NOTA, WAV2LIP, Wav2Lip
from export_tools.wav2lip.teacher_targets import export_wav2lip
from tests.benchmarks.plots import plot_lines, write_csv

BASELINE, LARGE_BASELINE = "Nota, compressed Wav2Lip", "Wav2Lip"


def networks(folder: Path, batches: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """Return the ms per frame of each network and batch, and the ratio to Nota's."""
    manifest = load_manifest("lectern-lite", MODELS_FOLDER)
    files = {f"{manifest.name} {p}": manifest.path("renderer", p) for p in manifest.precisions()}
    for name, layout in ((BASELINE, NOTA), (LARGE_BASELINE, WAV2LIP)):
        files[name] = folder / f"{name}.onnx"
        torch.manual_seed(0)
        export_wav2lip(Wav2Lip(layout), files[name])
    rows = []
    for batch in batches:
        inputs = {
            name: (path, random_inputs(path, {"batch": batch})) for name, path in files.items()
        }
        milliseconds = cpu_milliseconds(inputs, rounds)
        for name in files:
            row = {
                "network": name,
                "batch": batch,
                "ms_per_frame": round(milliseconds[name] / batch, 3),
                "to_nota": round(milliseconds[name] / milliseconds[BASELINE], 3),
            }
            rows.append(row)
            print(row, flush=True)
    return rows


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(
        description="Measure the network alone, by precision and batch."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = networks(options.folder, options.batches, options.rounds)
    write_csv(options.folder / "networks.csv", rows)
    plot_lines(
        options.folder / "networks.png", rows, "network", ("batch", "ms_per_frame"),
        "frames per batch", "ms per frame, one thread",
    )  # fmt: skip


if __name__ == "__main__":
    main()
