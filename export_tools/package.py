"""Package trained networks in models_lite/NAME with a manifest of all files.

    python -m export_tools.package --renderer DIR --version 0.3.0 [--motion MOTION_DIR] \\
        [--scores SCORES.json] [--name lectern-lite]

``DIR`` is the output of ``export_tools.renderer.quantize``; ``MOTION_DIR`` contains ``motion.npz``,
the output of ``export_tools.speech_features.train_scores``, and ``basis.npz`` if it is a new one.
Without ``--motion`` the existing files are kept, without ``--scores`` the existing scores.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from appliance.files.atomic import sha256
from appliance.inference.manifest import load_manifest
from appliance.inference.selftest import reference_output
from export_tools.phonetics.motion_data import OFFSET_S, RATE_HZ

MODELS = Path(__file__).parents[1] / "models_lite"
MAX_BYTES = 3_000_000  # for all files of one precision
MOTION_FILE, BASIS_FILE = "motion.npz", "basis.npz"
_MIN_ELEMENTS_FP16 = 512  # elements from which a tensor is stored in half precision


def store_weights_fp16(source: Path, target: Path) -> None:
    """Copy an ONNX file with its large weights stored as float16, each followed by a cast.

    ONNX Runtime folds the casts when it loads the file, so the speed does not change and the
    arithmetic stays float32; only the weights are rounded to float16.
    """
    model = onnx.load(str(source))
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _MIN_ELEMENTS_FP16:
            continue
        name, half = tensor.name, numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(target))


def to_json(manifest: dict[str, Any]) -> str:
    """Return ``manifest`` as indented JSON with every list of numbers on one line."""
    text = json.dumps(manifest, indent=2)
    rows = re.compile(r"\[\s+(-?[\d.e-]+(?:,\s+-?[\d.e-]+)*)\s+\]")
    return rows.sub(lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text) + "\n"


def summarize_scores(scores: Path) -> dict[str, Any]:
    """Return the medians, closures and costs from the output of ``export_tools.evaluate``."""
    whole = json.loads(scores.read_text())
    quality = {
        precision: {split: part["median"] for split, part in splits.items()}
        for precision, splits in whole.get("quality", {}).items()
    }
    return {"quality": quality, **{k: whole[k] for k in ("closures", "cost") if k in whole}}


def package(
    name: str, version: str, motion: Path | None, renderer: Path, scores: Path | None
) -> Path:
    """Copy the files, write ``model.json``, check it by loading it, and return the model's folder.

    Raises ``SystemExit`` if the files of a precision are larger than :data:`MAX_BYTES`.
    """
    folder = MODELS / name
    folder.mkdir(parents=True, exist_ok=True)
    previous = {} if motion else json.loads((folder / "model.json").read_text())
    files: dict[str, dict[str, Any]] = {}

    def add(precision: str, role: str, source: Path, target: str) -> None:
        if source != folder / target:
            shutil.copyfile(source, folder / target)
        entry: dict[str, Any] = {"file": target, "sha256": sha256(folder / target)}
        if target.endswith(".onnx"):
            entry["golden"] = reference_output(folder / target)  # for the self-test
        files.setdefault(precision, {})[role] = entry

    if motion:
        new_basis = (motion / BASIS_FILE).is_file()
        add("any", "motion", motion / MOTION_FILE, MOTION_FILE)
        add("any", "basis", (motion if new_basis else folder) / BASIS_FILE, BASIS_FILE)
    else:
        files["any"] = previous["files"]["any"]
    for precision in ("fp32", "fp16", "int8"):
        source = renderer / f"renderer.{precision}.onnx"
        add(precision, "renderer", source, source.name)
    manifest = {
        "name": name,
        "kind": "lectern",
        "version": version,
        "licence": "Apache-2.0",
        "card": "README.md",
        "files": files,
        "motion": {"rate_hz": float(RATE_HZ), "offset_s": OFFSET_S},
        "audio": "appliance.speech.speech_encoder",
        "geometry": "appliance.lips.geometry",
        "quantization": json.loads((renderer / "quantization.json").read_text()),
        "training_data": [
            "GRID corpus (Cooke, Barker, Cunningham, Shao 2006), CC BY 4.0",
            "LibriSpeech (Panayotov, Chen, Povey, Khudanpur 2015), CC BY 4.0",
            "speech of hibari-tts (Apache-2.0) and espeak-ng, synthesised for training",
            "FACEGOOD-Audio2Face, Mandarin motion capture, MIT",
        ],
        "scores": summarize_scores(scores) if scores else previous.get("scores", {}),
    }
    (folder / "model.json").write_text(to_json(manifest), encoding="utf-8")
    loaded = load_manifest(name, MODELS)
    for precision in loaded.precisions():
        roles = {**files["any"], **files[precision]}
        size = sum(loaded.path(role, precision).stat().st_size for role in roles)
        print(f"{precision}: {size / 1e6:.2f} MB")
        if size > MAX_BYTES:
            raise SystemExit(f"{precision} is larger than {MAX_BYTES / 1e6} MB")
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--name", default="lectern-lite", help="name of the model (default: lectern-lite)"
    )
    parser.add_argument("--version", required=True, help="version of the model")
    parser.add_argument("--renderer", type=Path, required=True, help="output folder of quantize")
    parser.add_argument("--motion", type=Path, help="folder of motion.npz and basis.npz")
    parser.add_argument("--scores", type=Path, help="output file of export_tools.evaluate")
    args = parser.parse_args()
    print(package(args.name, args.version, args.motion, args.renderer, args.scores))


if __name__ == "__main__":
    main()
