"""Export the student to ``models_lite/speech-encoder``, with its projection and its manifest.

    python -m export_tools.speech_features.export_student STUDENT.pt --projection FILE \\
        [--record CURVE.json] [--scores SCORES]

The weights are stored as bytes with one scale per output channel; ONNX Runtime multiplies them out
when it loads the file, so the arithmetic is that of float32. With the scores, the motion that was
trained on the teacher is copied, too. ``encoder.json`` gets the reference output for the self-test.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

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
from export_tools.package import to_json
from export_tools.speech_features.student import Student

OPSET = 17  # the newest one that TensorRT 8.6 of JetPack 6.0 can read
_VIDEO_FRAMES = (WINDOW_FRAMES - 2 * CONTEXT_FRAMES) // 4  # of a window without its context


def load_student(checkpoint: Path) -> Student:
    """Load the averaged weights of a checkpoint of ``train_student``."""
    student = Student()
    student.load_state_dict(torch.load(checkpoint, map_location="cpu")["weights"])
    return student.eval()


def store_weights_int8(source: Path, target: Path) -> None:
    """Copy an ONNX file with the weights of convolutions and products as int8, Cast and Mul.

    Each output channel has a scale of its own: its largest weight becomes ±127.
    """
    model = onnx.load(str(source))
    channel_axis = {
        node.input[1]: 0 if node.op_type == "Conv" or _is_transposed(node) else 1
        for node in model.graph.node
        if node.op_type in ("Conv", "Gemm", "MatMul")
    }
    nodes, scales = [], []
    for tensor in model.graph.initializer:
        if tensor.name not in channel_axis:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        others = tuple(k for k in range(values.ndim) if k != channel_axis[name])
        scale = np.maximum(np.abs(values).max(others, keepdims=True), 1e-12) / np.float32(127)
        stored = np.round(values / scale).astype(np.int8)
        tensor.CopyFrom(numpy_helper.from_array(stored, f"{name}_bytes"))
        scales.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"))
        nodes += [
            helper.make_node("Cast", [f"{name}_bytes"], [f"{name}_cast"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}_cast", f"{name}_scale"], [name]),
        ]
    model.graph.initializer.extend(scales)
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    onnx.save(model, str(target))


def _is_transposed(node: onnx.NodeProto) -> bool:
    return any(entry.name == "transB" and entry.i for entry in node.attribute)


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
        store_weights_int8(whole, target)
    onnx.checker.check_model(str(target), full_check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint of the training")
    parser.add_argument("--projection", type=Path, required=True, help="file of projection.py")
    parser.add_argument("--record", type=Path, help="record of the training")
    parser.add_argument("--scores", type=Path, help="folder of score_student")
    options = parser.parse_args()
    folder = model_folder()
    folder.mkdir(exist_ok=True)
    student = load_student(options.checkpoint)
    export(student, folder / GRAPH)
    shutil.copyfile(options.projection, folder / PROJECTION)
    (folder / "training").mkdir(exist_ok=True)
    if options.record:
        record = json.loads(options.record.read_text(encoding="utf-8"))
        (folder / "training" / "curve.json").write_text(to_json(record), encoding="utf-8")
    if options.scores:
        shutil.copyfile(
            options.scores / "student_scores.json", folder / "training" / "student_scores.json"
        )
    files = [name for name in (GRAPH, PROJECTION) if (folder / name).is_file()]
    description = {
        "name": "speech-encoder",
        "licence": "MIT",
        "card": "README.md",
        "parameters": sum(p.numel() for p in student.parameters()),
        "multiply_accumulates_per_frame": measure_cost(folder / GRAPH).macs // _VIDEO_FRAMES,
        "files": {name: sha256(folder / name) for name in files},
        "golden": reference_output(folder / GRAPH),
    }
    (folder / DESCRIPTION).write_text(to_json(description), encoding="utf-8")


if __name__ == "__main__":
    main()
