from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from appliance.errors import Fault
from appliance.lips.provider import Network
from tests.tiny_wav2lip import write_wav2lip


def _inputs(network: Network) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rng.random([2, *(int(d) for d in shape[1:])], np.float32)
        for name, shape in network.inputs.items()
    }


def test_runs_like_onnx_runtime_itself(tmp_path: Path) -> None:
    path = write_wav2lip(tmp_path / "net.onnx")
    network = Network(path)
    inputs = _inputs(network)
    (expected,) = ort.InferenceSession(str(path)).run(None, inputs)
    np.testing.assert_array_equal(network(inputs)["picture"], expected)


def test_says_why_better_providers_are_not_used(tmp_path: Path) -> None:
    path = write_wav2lip(tmp_path / "net.onnx")
    choice = Network(path, ["tensorrt", "cuda", "cpu"]).choice
    assert choice.provider == "cpu"
    assert [reason.split(":")[0] for reason in choice.passed_over] == ["tensorrt", "cuda"]


def test_a_provider_with_wrong_numbers_is_stepped_over(tmp_path: Path) -> None:
    class Wrong(Network):
        """CUDA as on a wheel built for another GPU: it opens and computes something else."""

        def _open(self, name: str) -> ort.InferenceSession:
            return super()._open("cpu") if name == "cpu" else other

    path = write_wav2lip(tmp_path / "net.onnx")
    other = ort.InferenceSession(str(write_wav2lip(tmp_path / "other.onnx", seed=5)))
    network = Wrong(path, ["cuda"], available={"CUDAExecutionProvider", "CPUExecutionProvider"})
    assert network.choice.provider == "cpu"
    assert "self-test" in network.choice.passed_over[0]


def test_a_file_that_is_no_network_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not a network")
    with pytest.raises(Fault) as caught:
        Network(tmp_path / "net.onnx")
    assert caught.value.code == "network_failed"
