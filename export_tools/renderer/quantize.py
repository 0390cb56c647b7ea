"""Write the FP16 and INT8 versions of a trained renderer.

INT8 uses the QDQ format, symmetric (zero point 0, as TensorRT requires) and per channel, calibrated
on training patches after the channels have been equalized (``equalize``). The operations between
the convolutions are quantized, too. A sweep finds the layers that stay in float: each convolution
is quantized alone, and the most sensitive ones are excluded until the complete network reaches the
requested PSNR.

    python -m export_tools.renderer.quantize CHECKPOINT.pt --patches FILE.npz --out DIR [--psnr 50]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.transformers.float16 import convert_float_to_float16

from export_tools.renderer.data import Batch, Patches
from export_tools.renderer.deploy import decode_outputs, deployed_inputs
from export_tools.renderer.equalize import equalize_weights
from export_tools.renderer.export import INPUTS, OUTPUT, export, load_renderer
from export_tools.renderer.network import compose
from export_tools.renderer.train import split_patches

Array = npt.NDArray[np.float32]

_PERCENTILE = 99.99  # clipping rarer values gains 2 dB by finer steps for the rest; 99.9 does not
_OTHER_QUANTIZED_OPS = ("LeakyRelu", "Resize", "Reshape", "Add")
# Beyond these bounds nothing changes: ``appliance.lips.renderer_io`` bounds the logits there, and
# fill is nearly black or white. Finer steps within them are more useful than the rare larger flow.
_OUTPUT_RANGE = {"rmin": np.float32(-1), "rmax": np.float32(1)}


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: list[Batch]) -> None:
        self._rows: Iterator[dict[str, Array]] = iter([onnx_inputs(batch) for batch in batches])

    def get_next(self) -> dict[str, Array] | None:
        return next(self._rows, None)


def onnx_inputs(batch: Batch) -> dict[str, Array]:
    """Return a batch as inputs for ONNX Runtime."""
    return {
        name: tensor.numpy() for name, tensor in zip(INPUTS, deployed_inputs(batch), strict=True)
    }


def convert_to_fp16(source: Path, target: Path) -> None:
    """Convert a model to FP16 with float32 inputs and outputs, so that callers need no change."""
    model = convert_float_to_float16(onnx.load(str(source)), keep_io_types=True)
    onnx.save(model, str(target))


def quantize_nodes(source: Path, target: Path, batches: list[Batch], nodes: list[str]) -> None:
    """Write an INT8 version of ``source`` to ``target`` in which only ``nodes`` are quantized."""
    quantize_static(
        str(source),
        str(target),
        _Calibration(batches),
        quant_format=QuantFormat.QDQ,
        nodes_to_quantize=nodes,
        op_types_to_quantize=["Conv", *_OTHER_QUANTIZED_OPS],
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={
            "ActivationSymmetric": True,
            "WeightSymmetric": True,
            "CalibPercentile": _PERCENTILE,
            "TensorQuantOverrides": {OUTPUT: [_OUTPUT_RANGE]},
        },
    )
    model = onnx.load(str(target))
    split_readers(model.graph)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(target))


def split_readers(graph: onnx.GraphProto) -> None:
    """Insert a separate QuantizeLinear/DequantizeLinear pair for each reader of a quantized tensor.

    On CPUs, ONNX Runtime converts a pair with one reader to unsigned bytes; around a pair with two
    readers, the convolutions stay in float. The scales differ in their last bits, because ONNX
    Runtime would otherwise merge the pairs again.
    """
    scales = {tensor.name: tensor for tensor in graph.initializer}
    producers = {name: node for node in graph.node for name in node.output}
    readers = defaultdict(list)
    for node in graph.node:
        for place, name in enumerate(node.input):
            readers[name].append((node, place))
    nodes = []
    for node in graph.node:
        nodes.append(node)
        pair = producers.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if pair is None:  # a weight
            continue
        tensor, scale, zero = pair.input
        for k, (reader, place) in enumerate(readers[node.output[0]][1:], 1):
            name = f"{node.output[0]}_{k}"
            own = numpy_helper.to_array(scales[scale]) * np.float32(1 + k * 2**-20)
            graph.initializer.append(numpy_helper.from_array(own, f"{name}_scale"))
            for kind, one, other in (
                ("QuantizeLinear", tensor, f"{name}_bytes"),
                ("DequantizeLinear", f"{name}_bytes", name),
            ):
                new_node = helper.make_node(
                    kind, [one, f"{name}_scale", zero], [other], f"{name}_{kind}"
                )
                nodes.append(new_node)
            reader.input[place] = name
    del graph.node[:]
    graph.node.extend(nodes)


def render_luma(path: Path, batches: list[Batch]) -> Array:
    """Return the composited luma (N, 96, 96) for ``batches``, as computed on the device."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    composited = []
    for batch in batches:
        (output,) = session.run([OUTPUT], onnx_inputs(batch))
        out = decode_outputs(torch.from_numpy(output), batch)
        y, _ = compose(out, batch.source_y, batch.source_uv, batch.reference_y, batch.reference_uv)
        composited.append(y[:, 0].numpy())
    return np.concatenate(composited)


def psnr(a: Array, b: Array) -> float:
    """Return the PSNR of all pixels together in dB; values in 0..1."""
    return float(-10 * np.log10(max(float(((a - b) ** 2).mean()), 1e-12)))


def nodes_of(path: Path, *kinds: str) -> list[str]:
    """Return the names of the nodes with operator types ``kinds``, in order."""
    return [node.name for node in onnx.load(str(path)).graph.node if node.op_type in kinds]


def sensitivity(source: Path, batches: list[Batch], calibration: list[Batch]) -> dict[str, float]:
    """Return the PSNR (dB) against float32 with each convolution quantized alone, by node name."""
    exact = render_luma(source, batches)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in nodes_of(source, "Conv"):
            target = Path(folder) / "one.onnx"
            quantize_nodes(source, target, calibration, [name])
            result[name] = round(psnr(render_luma(target, batches), exact), 2)
    return result


def quantize_to_psnr(
    source: Path,
    target: Path,
    batches: list[Batch],
    calibration: list[Batch],
    min_psnr_db: float,
) -> dict[str, object]:
    """Write the INT8 model with as few float layers as possible for a PSNR of ``min_psnr_db`` dB.

    Returns the reached PSNR, the layers kept in float and the result of :func:`sensitivity`.
    """
    exact = render_luma(source, batches)
    psnr_alone = sensitivity(source, batches, calibration)
    names = sorted(psnr_alone, key=lambda name: psnr_alone[name])  # most sensitive first
    between = nodes_of(source, *_OTHER_QUANTIZED_OPS)
    for kept in range(len(names)):
        quantize_nodes(source, target, calibration, [*names[kept:], *between])
        reached = psnr(render_luma(target, batches), exact)
        if reached >= min_psnr_db:
            break
    return {
        "psnr_db": round(reached, 2),
        "kept_in_float": names[:kept],
        "sensitivity_db": psnr_alone,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint of the training")
    parser.add_argument("--patches", type=Path, required=True, help="file of mouth patches")
    parser.add_argument("--out", type=Path, required=True, help="output folder")
    parser.add_argument(
        "--psnr", type=float, default=50.0, help="least PSNR of INT8 in dB (default: 50)"
    )
    args = parser.parse_args()
    data = split_patches(args.patches)
    rng = np.random.default_rng(0)

    def draw(patches: Patches, count: int, *, augment_off: bool) -> list[Batch]:
        return [
            patches.batch(rng, patches.sample(rng, 16), augment_off=augment_off)
            for _ in range(count)
        ]

    calibration, validation = (
        draw(data.train, 8, augment_off=False),
        draw(data.validation, 4, augment_off=True),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    whole, halved = args.out / "renderer.fp32.onnx", args.out / "renderer.fp16.onnx"
    network = load_renderer(args.checkpoint)
    export(network, whole)
    convert_to_fp16(whole, halved)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "bytes.onnx"
        export(equalize_weights(network, calibration), source, for_int8=True)
        found = quantize_to_psnr(
            source, args.out / "renderer.int8.onnx", validation, calibration, args.psnr
        )
    found["fp16_psnr_db"] = round(
        psnr(render_luma(halved, validation), render_luma(whole, validation)), 2
    )
    (args.out / "quantization.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
