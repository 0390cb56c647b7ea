"""Export the student to ``models_lite/speech-encoder``, with its projection and its manifest.

    python -m export_tools.speech_features.export_student STUDENT.pt --projection FILE \\
        [--record CURVE.json]

The weights are stored in half precision, each followed by a cast; the arithmetic is that of
float32. ``encoder.json`` gets the reference output for the self-test.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import onnx
import torch

from appliance.files.atomic import sha256
from appliance.inference.selftest import reference_output
from appliance.speech.log_mel import CONTEXT_FRAMES, WHISPER_MEL, WINDOW_FRAMES
from appliance.speech.speech_encoder import (
    DESCRIPTION,
    GRAPH,
    INPUT,
    OUTPUT,
    PROJECTION,
    model_folder,
)
from export_tools.flops import measure_cost
from export_tools.package import store_weights_fp16, to_json
from export_tools.speech_features.student import Student

OPSET = 17  # the newest one that TensorRT 8.6 of JetPack 6.0 can read
_VIDEO_FRAMES = (WINDOW_FRAMES - 2 * CONTEXT_FRAMES) // 4  # of a window without its context


def load_student(checkpoint: Path) -> Student:
    """Load the averaged weights of a checkpoint of ``train_student``."""
    student = Student()
    student.load_state_dict(torch.load(checkpoint, map_location="cpu")["weights"])
    return student.eval()


def export(student: Student, target: Path) -> None:
    """Write ``student`` as ONNX: ``mel`` (1, 80, 700) to ``components`` (1, 350, 256)."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / GRAPH
        torch.onnx.export(
            student.eval(),
            (torch.zeros(1, WHISPER_MEL.mels, WINDOW_FRAMES),),
            str(whole),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamo=False,
        )
        store_weights_fp16(whole, target)
    onnx.checker.check_model(str(target), full_check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint of the training")
    parser.add_argument("--projection", type=Path, required=True, help="file of projection.py")
    parser.add_argument("--record", type=Path, help="record of the training")
    options = parser.parse_args()
    folder = model_folder()
    folder.mkdir(exist_ok=True)
    student = load_student(options.checkpoint)
    export(student, folder / GRAPH)
    shutil.copyfile(options.projection, folder / PROJECTION)
    if options.record:
        (folder / "training").mkdir(exist_ok=True)
        record = json.loads(options.record.read_text(encoding="utf-8"))
        (folder / "training" / "curve.json").write_text(to_json(record), encoding="utf-8")
    description = {
        "name": "speech-encoder",
        "licence": "MIT",
        "card": "README.md",
        "parameters": sum(p.numel() for p in student.parameters()),
        "multiply_accumulates_per_frame": measure_cost(folder / GRAPH).macs // _VIDEO_FRAMES,
        "files": {name: sha256(folder / name) for name in (GRAPH, PROJECTION)},
        "golden": reference_output(folder / GRAPH),
    }
    (folder / DESCRIPTION).write_text(to_json(description), encoding="utf-8")


if __name__ == "__main__":
    main()
