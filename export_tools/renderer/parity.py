"""What half precision and INT8 cost: errors of the outputs, of the picture, and of the sync.

    python -m export_tools.renderer.parity models_lite/lectern-lite --patches FILE.npz \\
        [--scores SCORES.json] --out parity.json

Outputs and painted patches are compared with float32's on held-out speakers. ``SCORES.json`` is
what ``export_tools.evaluate --precision fp32 fp16 int8`` wrote: how much correlation is lost is
taken clip by clip from there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from appliance.lips import layers
from appliance.lips.manifest import load_manifest
from export_tools.renderer.data import Batch
from export_tools.renderer.export import OUTPUT
from export_tools.renderer.quantize import Array, feed, pictures, psnr
from export_tools.renderer.train import split_patches

_BATCHES, _ROWS = 4, 16


_PARTS = {
    "flow": layers.FLOW,
    "reference": layers.REFERENCE,
    "source": layers.SOURCE,
    "fill_y": layers.FILL_Y,
    "fill_uv": layers.FILL_UV,
}


def outputs(path: Path, batches: list[Batch]) -> dict[str, Array]:
    """What the network of ``path`` says of all ``batches``, by part, bounded where
    ``appliance.lips.layers`` bounds it or nothing can be seen any more."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = np.concatenate([session.run([OUTPUT], feed(batch))[0] for batch in batches])
    return {name: answers[:, part].clip(-1, 1) for name, part in _PARTS.items()}


def compare(exact: Path, other: Path, batches: list[Batch]) -> dict[str, Any]:
    """``max_error`` a part of the answer; of the picture ``psnr_db`` and, of one patch,
    ``worst_psnr_db``."""
    one, two = outputs(exact, batches), outputs(other, batches)
    wanted, got = pictures(exact, batches), pictures(other, batches)
    worst = min(psnr(a[None], b[None]) for a, b in zip(wanted, got, strict=True))
    return {
        "max_error": {name: round(float(np.abs(one[name] - two[name]).max()), 4) for name in one},
        "psnr_db": round(psnr(wanted, got), 2),
        "worst_psnr_db": round(worst, 2),
    }


def sync_lost(scores: dict[str, Any], precision: str) -> dict[str, float]:
    """Median over a split's clips of float32's r minus ``precision``'s, at zero lag."""
    quality = scores.get("quality", {})
    lost = {}
    for split, part in quality.get(precision, {}).items():
        exact = quality.get("fp32", {}).get(split, {}).get("clips", {})
        pairs = [
            (exact[name]["r"], row["r"]) for name, row in part["clips"].items() if name in exact
        ]
        known = [a - b for a, b in pairs if a is not None and b is not None]
        if known:
            lost[split] = round(float(np.median(known)), 4)
    return lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="the folder of model.json")
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--scores", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    manifest = load_manifest(str(args.model), args.model.parent)
    held = split_patches(args.patches).held_out
    rng = np.random.default_rng(2)
    batches = [held.batch(rng, held.draw(rng, _ROWS), plain=True) for _ in range(_BATCHES)]
    scores = json.loads(args.scores.read_text()) if args.scores else {}
    report = {}
    for precision in manifest.precisions():
        if precision != "fp32":
            exact, other = (manifest.path("renderer", p) for p in ("fp32", precision))
            report[precision] = compare(exact, other, batches)
            report[precision]["r_lost"] = sync_lost(scores, precision)
    args.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
