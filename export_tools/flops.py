"""Measure the cost of an ONNX network: multiply-accumulates, parameters, bytes, milliseconds.

Only multiply-accumulates that are actually computed are counted: for a convolution, its outputs
times the weights per output; for a transposed convolution, its inputs times the weights per input
(counting by the size of the output, as is often done, results in ``stride²`` times as many). Only
convolutions and matrix products count; in our networks the rest is less than 2 %.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

Array = npt.NDArray[np.float32]

_MAC_OPS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
# Operations that a GPU compiler cannot fuse with the preceding one.
_KERNEL_OPS = (*_MAC_OPS, "AveragePool", "MaxPool", "Concat", "DepthToSpace", "Resize")


@dataclass(frozen=True)
class Cost:
    """The cost of one run at given shapes; ``parameters`` is the number of stored values.

    ``kernels`` is the number of operations that a GPU launches separately (element-wise operations
    are fused with the preceding one), ``activations`` the number of values that they write.
    """

    macs: int
    parameters: int
    bytes: int
    kernels: int
    activations: int


def measure_cost(path: Path, sizes: Mapping[str, int] | None = None) -> Cost:
    """Return the cost of the network ``path``.

    ``sizes`` sets free dimensions (batch, frames) by name; the others are 1. The network is run
    once to find all shapes.
    """
    model = onnx.load(str(path))
    shapes = _shapes(model, random_inputs(path, sizes))
    macs = 0
    for node in model.graph.node:
        if node.op_type in _MAC_OPS:
            weight_shape = shapes[node.input[1]]
            if node.op_type == "Conv":
                macs += int(np.prod(shapes[node.output[0]]) * np.prod(weight_shape[1:]))
            elif node.op_type == "ConvTranspose":
                macs += int(np.prod(shapes[node.input[0]]) * np.prod(weight_shape[1:]))
            else:
                macs += int(np.prod(shapes[node.output[0]]) * shapes[node.input[0]][-1])
    count = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    kernels = [node.output[0] for node in model.graph.node if node.op_type in _KERNEL_OPS]
    written = sum(int(np.prod(shapes[name])) for name in kernels)
    return Cost(macs, count, path.stat().st_size, len(kernels), written)


def _shapes(model: onnx.ModelProto, inputs: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of all inputs of counted operations and of all outputs of kernels."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    shapes.update({name: value.shape for name, value in inputs.items()})
    counted = [node for node in model.graph.node if node.op_type in _MAC_OPS]
    names = {name for node in counted for name in node.input[:2]}
    names |= {node.output[0] for node in model.graph.node if node.op_type in _KERNEL_OPS}
    wanted = sorted(names - set(shapes))
    model.graph.output.extend(
        onnx.ValueInfoProto(name=name)
        for name in wanted
        if name not in {output.name for output in model.graph.output}
    )
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    values = session.run(wanted, dict(inputs)) if wanted else []
    return shapes | {name: v.shape for name, v in zip(wanted, values, strict=True)}


def cpu_milliseconds(
    networks: Mapping[str, tuple[Path, Mapping[str, Array]]], rounds: int = 40
) -> dict[str, float]:
    """Return the median CPU milliseconds per run on one thread, by name.

    ``networks`` maps names to (file, inputs). The networks run alternately, so that other load on
    the machine affects all of them equally.
    """
    sessions = {}
    for name, (path, inputs) in networks.items():
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        session.run(None, dict(inputs))
        sessions[name] = (session, dict(inputs))
    spent: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(rounds):
        for name, (session, inputs) in sessions.items():
            begin = time.process_time()
            session.run(None, inputs)
            spent[name].append(time.process_time() - begin)
    return {name: round(1000 * float(np.median(values)), 3) for name, values in spent.items()}


def random_inputs(path: Path, sizes: Mapping[str, int] | None = None) -> dict[str, Array]:
    """Return random inputs in 0..1 with the input shapes of ``path``."""
    rng = np.random.default_rng(0)
    return {
        value.name: rng.random(_dims(value, sizes or {}), np.float32)
        for value in onnx.load(str(path)).graph.input
    }


def _dims(value: onnx.ValueInfoProto, sizes: Mapping[str, int]) -> Sequence[int]:
    dims = value.type.tensor_type.shape.dim
    return [sizes.get(d.dim_param, 1) if d.dim_param else d.dim_value for d in dims]
