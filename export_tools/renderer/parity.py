"""Measure the errors of FP16 and INT8: in the outputs, in the image, and in the sync.

    python -m export_tools.renderer.parity models_lite/lectern-lite --patches FILE.npz \\
        [--scores SCORES.json] --out parity.json

Outputs and composited patches are compared with those of float32 on held-out speakers.
``SCORES.json`` is written by ``export_tools.evaluate --precision fp32 fp16 int8``; the loss of
correlation is computed from it, clip by clip.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from appliance.inference.manifest import load_manifest
from appliance.lips import renderer_io
from export_tools.renderer.data import Batch
from export_tools.renderer.export import OUTPUT
from export_tools.renderer.quantize import Array, onnx_inputs, psnr, render_luma
from export_tools.renderer.train import split_patches

_BATCHES, _ROWS = 4, 16
_PARTS = {
    "flow": renderer_io.FLOW,
    "reference": renderer_io.REFERENCE,
    "source": renderer_io.SOURCE,
    "fill_y": renderer_io.FILL_Y,
    "fill_uv": renderer_io.FILL_UV,
}


def network_outputs(path: Path, batches: list[Batch]) -> dict[str, Array]:
    """Return the outputs of the network in ``path`` for all ``batches``, by part.

    They are clipped to -1..1: beyond, ``appliance.lips.renderer_io`` clips them or nothing is
    visible.
    """
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = np.concatenate([session.run([OUTPUT], onnx_inputs(batch))[0] for batch in batches])
    return {name: outputs[:, part].clip(-1, 1) for name, part in _PARTS.items()}


def compare(exact: Path, other: Path, batches: list[Batch]) -> dict[str, Any]:
    """Compare the networks ``exact`` and ``other``.

    Returns ``max_error`` by part of the output, ``psnr_db`` of all patches together and
    ``worst_psnr_db`` of a single patch.
    """
    one, two = network_outputs(exact, batches), network_outputs(other, batches)
    expected, actual = render_luma(exact, batches), render_luma(other, batches)
    worst = min(psnr(a[None], b[None]) for a, b in zip(expected, actual, strict=True))
    return {
        "max_error": {name: round(float(np.abs(one[name] - two[name]).max()), 4) for name in one},
        "psnr_db": round(psnr(expected, actual), 2),
        "worst_psnr_db": round(worst, 2),
    }


def sync_loss(scores: dict[str, Any], precision: str) -> dict[str, float]:
    """Return the median loss of r at zero lag against float32, over the clips of each split."""
    quality = scores.get("quality", {})
    losses = {}
    for split, part in quality.get(precision, {}).items():
        exact = quality.get("fp32", {}).get(split, {}).get("clips", {})
        pairs = [
            (exact[name]["r"], row["r"]) for name, row in part["clips"].items() if name in exact
        ]
        known = [a - b for a, b in pairs if a is not None and b is not None]
        if known:
            losses[split] = round(float(np.median(known)), 4)
    return losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder of model.json")
    parser.add_argument("--patches", type=Path, required=True, help="file of mouth patches")
    parser.add_argument("--scores", type=Path, help="output file of export_tools.evaluate")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    args = parser.parse_args()
    manifest = load_manifest(str(args.model), args.model.parent)
    held_out = split_patches(args.patches).held_out
    rng = np.random.default_rng(2)
    batches = [
        held_out.batch(rng, held_out.sample(rng, _ROWS), augment_off=True) for _ in range(_BATCHES)
    ]
    scores = json.loads(args.scores.read_text()) if args.scores else {}
    report = {}
    for precision in manifest.precisions():
        if precision != "fp32":
            exact, other = (manifest.path("renderer", p) for p in ("fp32", precision))
            report[precision] = compare(exact, other, batches)
            report[precision]["r_loss"] = sync_loss(scores, precision)
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
