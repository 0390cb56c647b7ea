"""Half-precision and INT8 versions of an exported renderer.

INT8 is QDQ, symmetric (zero point 0, as TensorRT wants), per channel, calibrated on training
patches. Which layers stay in float is found by a sweep: each convolution is quantized alone, and
those that cost most are left out until the whole stays above the wished PSNR.

    python -m export_tools.renderer.quantize FP32.onnx --patches FILE.npz --out DIR [--psnr 50]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.transformers.float16 import convert_float_to_float16

from export_tools.renderer.data import Batch, Patches
from export_tools.renderer.export import INPUTS, OUTPUTS
from export_tools.renderer.network import Rendering, compose

Array = npt.NDArray[np.float32]


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, batches: list[Batch]) -> None:
        self._rows: Iterator[dict[str, Array]] = iter([feed(batch) for batch in batches])

    def get_next(self) -> dict[str, Array] | None:
        return next(self._rows, None)


def feed(batch: Batch) -> dict[str, Array]:
    """A batch as ONNX Runtime takes it."""
    return {name: tensor.numpy() for name, tensor in zip(INPUTS, batch.inputs(), strict=True)}


def half(source: Path, target: Path) -> None:
    """FP16 inside, float32 inputs and outputs, so that callers need not know."""
    model = convert_float_to_float16(onnx.load(str(source)), keep_io_types=True)
    onnx.save(model, str(target))


def quantized(source: Path, target: Path, batches: list[Batch], convolutions: list[str]) -> None:
    """INT8 for just these ``convolutions``."""
    quantize_static(
        str(source),
        str(target),
        _Calibration(batches),
        quant_format=QuantFormat.QDQ,
        nodes_to_quantize=convolutions,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"ActivationSymmetric": True, "WeightSymmetric": True},
    )


def pictures(path: Path, batches: list[Batch]) -> Array:
    """The luma that the box would paint for ``batches``, (N, 96, 96)."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    painted = []
    for batch in batches:
        out = Rendering(*(torch.from_numpy(o) for o in session.run(list(OUTPUTS), feed(batch))))
        y, _ = compose(out, batch.source_y, batch.source_uv, batch.reference_y, batch.reference_uv)
        painted.append(y[:, 0].numpy())
    return np.concatenate(painted)


def psnr(a: Array, b: Array) -> float:
    """Of all pixels together, in dB; values in 0..1."""
    return float(-10 * np.log10(max(float(((a - b) ** 2).mean()), 1e-12)))


def convolutions_of(path: Path) -> list[str]:
    """Names of a model's convolutions, in order."""
    return [node.name for node in onnx.load(str(path)).graph.node if node.op_type == "Conv"]


def sweep(source: Path, batches: list[Batch], calibration: list[Batch]) -> dict[str, float]:
    """PSNR against float32 with each convolution quantized alone."""
    exact = pictures(source, batches)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in convolutions_of(source):
            target = Path(folder) / "one.onnx"
            quantized(source, target, calibration, [name])
            result[name] = round(psnr(pictures(target, batches), exact), 2)
    return result


def choose(
    source: Path,
    target: Path,
    batches: list[Batch],
    calibration: list[Batch],
    wish: float,
) -> dict[str, object]:
    """Write the INT8 model with as few layers in float as ``wish`` dB allow; what was found."""
    exact = pictures(source, batches)
    alone = sweep(source, batches, calibration)
    names = sorted(alone, key=lambda name: alone[name])  # the most sensitive first
    for kept in range(len(names)):
        quantized(source, target, calibration, names[kept:])
        reached = psnr(pictures(target, batches), exact)
        if reached >= wish:
            break
    return {"psnr_db": round(reached, 2), "kept_in_float": names[:kept], "alone_db": alone}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--psnr", type=float, default=50.0)
    args = parser.parse_args()
    with np.load(args.patches) as data:
        names = [str(n) for n in data["names"] if str(n).startswith("grid_")]
    patches = Patches(args.patches, names)
    rng = np.random.default_rng(0)
    calibration = [patches.batch(rng, patches.draw(rng, 16), plain=False) for _ in range(8)]
    batches = [patches.batch(rng, patches.draw(rng, 16), plain=True) for _ in range(4)]
    half(args.source, args.out / "renderer.fp16.onnx")
    exact = pictures(args.source, batches)
    found = choose(args.source, args.out / "renderer.int8.onnx", batches, calibration, args.psnr)
    found["fp16_psnr_db"] = round(
        psnr(pictures(args.out / "renderer.fp16.onnx", batches), exact), 2
    )
    (args.out / "quantization.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
