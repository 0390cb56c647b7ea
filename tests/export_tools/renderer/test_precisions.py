"""FP16 and INT8: the differences from float32 are small and reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

pytest.importorskip("torch")
import torch

from export_tools.renderer.data import Batch
from export_tools.renderer.export import export
from export_tools.renderer.network import Renderer
from export_tools.renderer.parity import compare, sync_loss
from export_tools.renderer.quantize import convert_to_fp16, nodes_of, quantize_nodes
from export_tools.renderer.train import split_patches

pytestmark = [
    pytest.mark.export,
    # torch's exporter warns of its successor, whose opsets are too new for TensorRT
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        "ignore:Constant folding:UserWarning",
        "ignore:the float32 number",
    ),
]


@pytest.fixture(scope="module")
def network() -> Renderer:
    torch.manual_seed(0)
    network = Renderer((8, 8, 8, 16)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.03)
    return network


@pytest.fixture(scope="module")
def renderer(network: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("renderer") / "renderer.onnx"
    export(network, path)
    return path


@pytest.fixture(scope="module")
def batches(patches: Path) -> list[Batch]:
    held = split_patches(patches).held_out
    rng = np.random.default_rng(0)
    return [held.batch(rng, held.sample(rng, 4), augment_off=True)]


def test_fp16_is_close_to_float32(renderer: Path, batches: list[Batch], tmp_path: Path) -> None:
    convert_to_fp16(renderer, tmp_path / "half.onnx")
    found = compare(renderer, tmp_path / "half.onnx", batches)
    assert found["psnr_db"] > 60
    assert set(found["max_error"]) == {"flow", "reference", "source", "fill_y", "fill_uv"}


def test_int8_is_symmetric_per_channel_and_close_to_float32(
    network: Renderer, renderer: Path, batches: list[Batch], tmp_path: Path
) -> None:
    source, target = tmp_path / "bytes.onnx", tmp_path / "int8.onnx"
    export(network, source, for_int8=True)
    everything = [node.name for node in onnx.load(str(source)).graph.node if node.name]
    quantize_nodes(source, target, batches, everything)
    found = compare(renderer, target, batches)
    assert 30 < found["worst_psnr_db"] <= found["psnr_db"] + 0.01
    assert found["max_error"]["flow"] > 0  # it did change
    stored = {t.name: t for t in onnx.load(str(target)).graph.initializer}
    points = [onnx.numpy_helper.to_array(t) for name, t in stored.items() if "zero_point" in name]
    assert points and all(not point.any() for point in points)
    assert any(point.ndim == 1 and len(point) > 1 for point in points)


def test_every_convolution_of_int8_is_quantized(
    network: Renderer, batches: list[Batch], tmp_path: Path
) -> None:
    source, target, run = (tmp_path / f"{name}.onnx" for name in ("bytes", "int8", "run"))
    export(network, source, for_int8=True)
    kinds = ("Conv", "LeakyRelu", "Resize", "Reshape", "Add")
    quantize_nodes(source, target, batches, nodes_of(source, *kinds))
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(run)
    options.log_severity_level = 3
    ort.InferenceSession(str(target), options, providers=["CPUExecutionProvider"])
    done = [node.op_type for node in onnx.load(str(run)).graph.node]
    assert done.count("QLinearConv") == len(nodes_of(source, "Conv")) == 15
    assert not {"Conv", "FusedConv", "Add"} & set(done)


def test_sync_loss_is_computed_per_clip() -> None:
    def part(**clips: float | None) -> dict[str, object]:
        return {"wild": {"clips": {name: {"r": r} for name, r in clips.items()}}}

    scores = {"quality": {"fp32": part(a=0.5, b=0.7, c=None), "int8": part(a=0.49, b=0.7, c=0.1)}}
    assert sync_loss(scores, "int8") == {"wild": 0.005}
    assert sync_loss(scores, "fp16") == {}
