"""A small random network with Wav2Lip's interface, built on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_wav2lip(path: Path, seed: int = 0, tint: float = 0.0) -> Path:
    """Two convolutions over the face, shifted by the mel's mean; the output is in 0..1.

    Inputs are named unlike Wav2Lip's, as community exports do. ``tint`` moves the answer's colour.
    """
    rng = np.random.default_rng(seed)
    weights = {
        "w1": rng.normal(0, 0.2, (8, 6, 3, 3)),
        "w2": rng.normal(0, 0.2, (3, 8, 3, 3)),
        "b2": np.full(3, tint),
        "gain": np.array([3.0]),
    }
    nodes = [
        helper.make_node("Conv", ["faces", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2", "b2"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["sound"], ["m"], axes=[2, 3], keepdims=1),
        helper.make_node("Mul", ["m", "gain"], ["g"]),
        helper.make_node("Add", ["c", "g"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["picture"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [
            helper.make_tensor_value_info("sound", TensorProto.FLOAT, ["n", 1, 80, 16]),
            helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 6, 96, 96]),
        ],
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 96, 96])],
        [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path
