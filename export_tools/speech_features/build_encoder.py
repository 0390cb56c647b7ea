"""Build the graph of the speech encoder: the first three layers of whisper-base as ONNX.

    python -m export_tools.speech_features.build_encoder [--golden WEIGHTS]

The graph contains no weights. It refers to the file that ``appliance.speech.whisper_weights`` cuts
from the pinned package, which stores float16; each tensor is followed by a cast, which ONNX Runtime
folds when it loads the graph, so the arithmetic is that of float32. From each output the mean of
its position in the window is subtracted (``position_means``). The result is the same on every
machine. With the file of weights, the reference output for the self-test is recorded as well.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from appliance.inference.selftest import reference_output
from appliance.speech.log_mel import WHISPER_MEL, WINDOW_FRAMES
from appliance.speech.whisper_weights import (
    DESCRIPTION,
    GRAPH,
    HEADS,
    LAYERS,
    POSITIONS,
    WEIGHTS,
    WEIGHTS_SHA256,
    WIDTH,
    install,
    source_folder,
    stored_tensors,
)
from export_tools.package import to_json

OPSET, IR_VERSION = 17, 8
OUTPUT_LAYERS = (2, 3)
MEANS = Path(__file__).with_name("position_means.npz")
RANK = 72
"""The means of the 350 positions have little variance outside of this many dimensions."""

Means = dict[str, npt.NDArray[np.float16]]


class _Graph:
    """A graph under construction; every method adds a node and returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        for tensor in stored_tensors():
            stored = TensorProto(
                name=f"{tensor.name}/float16",
                dims=tensor.shape,
                data_type=TensorProto.FLOAT16,
                data_location=TensorProto.EXTERNAL,
            )
            for key, value in (
                ("location", WEIGHTS),
                ("offset", tensor.offset),
                ("length", tensor.size),
            ):
                stored.external_data.add(key=key, value=str(value))
            self.initializers.append(stored)
            self._node("Cast", [stored.name], tensor.name, to=TensorProto.FLOAT)

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self._node(kind, list(inputs), f"{kind}_{len(self.nodes)}", **attributes)

    def constant(self, values: object, kind: type) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def gelu(self, x: str) -> str:
        """x / 2 · (1 + erf(x / √2)): the form that ONNX Runtime fuses."""
        scaled = self.add("Div", x, self.constant(np.sqrt(2.0), np.float32))
        share = self.add("Add", self.add("Erf", scaled), self.constant(1.0, np.float32))
        return self.add("Mul", self.add("Mul", x, share), self.constant(0.5, np.float32))

    def linear(self, x: str, prefix: str) -> str:
        return self.add("Add", self.add("MatMul", x, f"{prefix}/weight"), f"{prefix}/bias")

    def norm(self, x: str, prefix: str) -> str:
        names = (f"{prefix}/layer_norm/gamma", f"{prefix}/layer_norm/beta")
        return self.add("LayerNormalization", x, *names, axis=-1, epsilon=1e-5)

    def attention(self, x: str, prefix: str) -> str:
        joined = self.linear(self.norm(x, prefix), f"{prefix}/linear_0")
        split = [f"{prefix}/{name}" for name in ("query", "key", "value")]
        self.nodes.append(
            helper.make_node("Split", [joined], split, name=f"{prefix}/split", axis=2)
        )
        shape = self.constant([1, POSITIONS, HEADS, WIDTH // HEADS], np.int64)
        query, key, value = (self.add("Reshape", name, shape) for name in split)
        query = self.add("Transpose", query, perm=[0, 2, 1, 3])
        key = self.add("Transpose", key, perm=[0, 2, 3, 1])
        value = self.add("Transpose", value, perm=[0, 2, 1, 3])
        scale = self.constant((WIDTH // HEADS) ** -0.5, np.float32)
        weights = self.add(
            "Softmax", self.add("Mul", self.add("MatMul", query, key), scale), axis=-1
        )
        mixed = self.add("Transpose", self.add("MatMul", weights, value), perm=[0, 2, 1, 3])
        flat = self.add("Reshape", mixed, self.constant([1, POSITIONS, WIDTH], np.int64))
        return self.add("Add", x, self.linear(flat, f"{prefix}/linear_1"))

    def feed_forward(self, x: str, prefix: str) -> str:
        hidden = self.gelu(self.linear(self.norm(x, prefix), f"{prefix}/linear_0"))
        return self.add("Add", x, self.linear(hidden, f"{prefix}/linear_1"))

    def output(self, x: str, name: str, means: Means | None) -> None:
        """Make ``x`` minus its mean at each position the output ``name``."""
        if means is None:
            self._node("Identity", [x], name)
            return
        factors = [
            self.add(
                "Cast", self.constant(means[f"{name}_{side}"], np.float16), to=TensorProto.FLOAT
            )
            for side in ("left", "right")
        ]
        self._node("Sub", [x, self.add("MatMul", *factors)], name)

    def convolution(self, x: str, prefix: str, stride: int) -> str:
        return self.gelu(
            self.add("Conv", x, f"{prefix}/weight", f"{prefix}/bias", pads=[1, 1], strides=[stride])
        )


def load_means() -> Means:
    """Return the factors of the means, which ``position_means`` measured."""
    with np.load(MEANS) as data:
        return dict(data)


def build_graph(means: Means | None) -> onnx.ModelProto:
    """Return the model: ``mel`` (1, 80, 700) to ``layer2`` and ``layer3``, (1, 350, 512) each.

    Without ``means`` the outputs are Whisper's.
    """
    graph = _Graph()
    x = graph.convolution("mel", "encoder/conv1", 1)
    x = graph.convolution(x, "encoder/conv2", 2)
    x = graph.add("Transpose", x, perm=[0, 2, 1])
    x = graph.add("Add", x, "encoder/position_encodings/encodings")
    outputs = []
    for layer in range(LAYERS):
        x = graph.attention(x, f"encoder/layer_{layer}/self_attention")
        x = graph.feed_forward(x, f"encoder/layer_{layer}/ffn")
        if layer + 1 in OUTPUT_LAYERS:
            outputs.append(f"layer{layer + 1}")
            graph.output(x, outputs[-1], means)
    shape = [1, POSITIONS, WIDTH]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "whisper-base-encoder",
            [
                helper.make_tensor_value_info(
                    "mel", TensorProto.FLOAT, [1, WHISPER_MEL.mels, WINDOW_FRAMES]
                )
            ],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in outputs],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lectern",
    )
    # Results of self-tests are stored under the hash of the graph, which therefore has to change
    # with the weights.
    model.metadata_props.add(key="weights_sha256", value=WEIGHTS_SHA256)
    return model


def write_graph(path: Path, means: Means | None) -> None:
    """Write the model; the same ``means`` make the same bytes."""
    path.write_bytes(build_graph(means).SerializeToString(deterministic=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--golden", type=Path, metavar="WEIGHTS", help="record the reference output"
    )
    options = parser.parse_args()
    write_graph(source_folder() / GRAPH, load_means())
    if options.golden:
        with tempfile.TemporaryDirectory() as scratch:
            install([options.golden], Path(scratch))
            golden = reference_output(Path(scratch) / GRAPH)
        description = {
            "name": "whisper-encoder",
            "licence": "MIT",
            "card": "README.md",
            "weights_sha256": WEIGHTS_SHA256,
            "golden": golden,
        }
        (source_folder() / DESCRIPTION).write_text(to_json(description), encoding="utf-8")


if __name__ == "__main__":
    main()
