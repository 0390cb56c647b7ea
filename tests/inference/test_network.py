"""Providers that compute wrong values, fail, hang or run out of memory are replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from appliance.errors import Fault
from appliance.files.atomic import sha256
from appliance.inference.network import Network
from appliance.inference.providers import Providers
from appliance.inference.results import RESULTS_FILE
from appliance.inference.selftest import SelfTestFailed, reference_output
from appliance.inference.selftest import run_selftest_in_child as run_in_child
from appliance.inference.session import SessionSettings
from tests.inference.fake_providers import NVMAP, fake_device, opened
from tests.tiny_wav2lip import write_wav2lip

ALL = ["tensorrt", "cuda", "cpu"]
MakeDevice = Callable[..., Providers]


@pytest.fixture
def make_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeDevice:
    """Create a device with fake providers in ``tmp_path``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda **behaviours: fake_device(tmp_path, **behaviours)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return write_wav2lip(tmp_path / "net.onnx")


def inputs(network: Network, rows: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        name: rng.random([rows, *(int(d) for d in shape[1:])], np.float32)
        for name, shape in network.inputs.items()
    }


def expected(net: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    return np.asarray(ort.InferenceSession(str(net)).run(None, arrays)[0])


def test_output_equals_that_of_onnx_runtime(net: Path) -> None:
    network = Network(net)
    arrays = inputs(network)
    np.testing.assert_array_equal(network(arrays)["picture"], expected(net, arrays))


def test_reasons_for_rejected_providers_are_recorded(net: Path) -> None:
    choice = Network(net, ALL).choice
    assert choice.provider == "cpu"
    assert choice.rejected == (
        "tensorrt: not in this ONNX Runtime",
        "cuda: not in this ONNX Runtime",
    )


class TestSelfTest:
    def test_first_provider_that_passes_is_used(self, net: Path, make_device: MakeDevice) -> None:
        network = Network(net, ALL, providers=make_device(tensorrt="good", cuda="good"))
        assert network.choice.provider == "tensorrt" and network.choice.rejected == ()

    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            ("throws", "tensorrt: no kernel image is available for execution on the device"),
            ("wrong", "tensorrt: self-test: picture deviates by"),
            ("crashes", "tensorrt: the test process exited with status -6"),
        ],
    )
    @pytest.mark.parametrize("recorded", [True, False])
    def test_failing_provider_is_skipped(
        self, net: Path, make_device: MakeDevice, behaviour: str, reason: str, recorded: bool
    ) -> None:
        golden = reference_output(net) if recorded else None
        network = Network(
            net, ALL, golden=golden, providers=make_device(tensorrt=behaviour, cuda="good")
        )
        assert network.choice.provider == "cuda"
        (reported,) = network.choice.rejected
        assert reported.startswith(reason) and "\n" not in reported
        arrays = inputs(network)
        np.testing.assert_array_equal(network(arrays)["picture"], expected(net, arrays))

    def test_hanging_provider_is_abandoned_after_the_timeout(
        self, net: Path, make_device: MakeDevice
    ) -> None:
        waited: list[float] = []
        network = Network(
            net, ALL, providers=make_device(tensorrt="hangs", limit_s=3.0), on_elapsed=waited.append
        )
        assert network.choice.provider == "cpu"
        assert network.choice.rejected[0] == "tensorrt: timed out after 3 s"
        assert waited == sorted(waited) and waited[-1] > 3

    def test_that_cannot_be_started_has_failed(self, net: Path, tmp_path: Path) -> None:
        order = Providers().make_selftest(net, "cuda", {}, SessionSettings())
        with pytest.raises(SelfTestFailed, match="could not be started: No such file or directory"):
            run_in_child(order, 1.0, python=str(tmp_path / "no-python"))

    def test_waiting_can_be_interrupted(self, net: Path, make_device: MakeDevice) -> None:
        def stop(seconds: float) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Network(net, ALL, providers=make_device(tensorrt="hangs"), on_elapsed=stop)

    def test_provider_short_of_memory_gets_smaller_batches(
        self, net: Path, make_device: MakeDevice
    ) -> None:
        network = Network(net, ALL, providers=make_device(cuda="large"))
        assert (network.choice.provider, network.batch) == ("cuda", 4)
        arrays = inputs(network, 7)
        np.testing.assert_allclose(network(arrays)["picture"], expected(net, arrays), atol=1e-6)

    def test_wrong_output_of_the_cpu_is_a_fault(self, net: Path, tmp_path: Path) -> None:
        other = reference_output(write_wav2lip(tmp_path / "other.onnx", seed=5))
        with pytest.raises(Fault) as caught:
            Network(net, golden=other)
        assert caught.value.code == "inference_failed" and "deviates by" in caught.value.text()

    def test_coarser_precision_has_a_larger_tolerance(self, net: Path) -> None:
        golden = reference_output(net)
        near = {"picture": [[value + 0.012 for value in row] for row in golden["picture"]]}
        assert Network(net, golden=near, precision="int8").choice.provider == "cpu"
        with pytest.raises(Fault, match=r"tolerance 0\.01"):
            Network(net, golden=near, precision="fp16")


class TestAtWork:
    def test_failing_provider_is_replaced_during_rendering(
        self, net: Path, make_device: MakeDevice
    ) -> None:
        # One run when it is opened in this process: it fails in the third call.
        providers = make_device(tensorrt="later 4", cuda="good")
        network = Network(net, ALL, providers=providers)
        arrays = inputs(network)
        used = []
        for _ in range(4):
            np.testing.assert_array_equal(network(arrays)["picture"], expected(net, arrays))
            used.append(network.choice.provider)
        assert used == ["tensorrt"] * 2 + ["cuda"] * 2
        assert network.choice.rejected == (
            "tensorrt: failed during rendering: CUDA failure 719: unspecified launch failure",
        )
        result = providers.results.get(sha256(net), "tensorrt")
        assert result is not None and not result.passed

    def test_hanging_provider_is_replaced_during_rendering(
        self, net: Path, make_device: MakeDevice
    ) -> None:
        providers = make_device(timeout_s=2.0, tensorrt="stuck 3", cuda="good")
        network = Network(net, ALL, providers=providers)
        arrays = inputs(network)
        used = []
        for _ in range(3):
            np.testing.assert_array_equal(network(arrays)["picture"], expected(net, arrays))
            used.append(network.choice.provider)
        assert used == ["tensorrt", "cuda", "cuda"]
        assert network.choice.rejected == (
            "tensorrt: failed during rendering: timed out after 2 s",
        )
        result = providers.results.get(sha256(net), "tensorrt")
        assert result is not None and result.reason == "timed out after 2 s"

    def test_provider_that_hangs_after_its_selftest_is_rejected(
        self, net: Path, make_device: MakeDevice
    ) -> None:
        providers = make_device(limit_s=60.0, tensorrt="good")
        Network(net, ALL, providers=providers)  # stores the result of the child
        providers = make_device(limit_s=1.0, tensorrt="stuck open")
        network = Network(net, ALL, providers=providers)
        assert network.choice.provider == "cpu"
        assert network.choice.rejected[0] == "tensorrt: timed out after 1 s"

    def test_provider_without_memory_at_any_batch_is_replaced(
        self, net: Path, make_device: MakeDevice, caplog: pytest.LogCaptureFixture
    ) -> None:
        network = Network(net, ["cuda"], providers=make_device(cuda="good"))
        arrays = inputs(network, 5)

        class Full:
            get_inputs = network.session.get_inputs
            get_outputs = network.session.get_outputs

            def run(self, *_: object) -> list[object]:
                raise RuntimeError(NVMAP)

        network.session = Full()
        np.testing.assert_array_equal(network(arrays)["picture"], expected(net, arrays))
        assert network.choice.provider == "cpu"
        assert network.choice.rejected == (f"cuda: failed during rendering: {NVMAP}",)
        assert [record.args for record in caplog.records if "batch" in record.msg] == [
            ("net.onnx", 2),
            ("net.onnx", 1),
        ]

    def test_failure_of_the_last_provider_is_a_fault(self, net: Path) -> None:
        network = Network(net)
        with pytest.raises(Fault) as caught:
            network({"nonsense": np.zeros((1, 2), np.float32)})
        assert caught.value.code == "inference_failed"


class TestMemory:
    def test_stored_result_replaces_the_selftest(
        self, net: Path, make_device: MakeDevice, tmp_path: Path
    ) -> None:
        Network(net, ALL, providers=make_device(tensorrt="throws", cuda="good"))
        assert opened(tmp_path).count("tensorrt") == 1
        again = Network(net, ALL, providers=make_device(tensorrt="good", cuda="good"))
        assert again.choice.provider == "cuda"  # not tested again within a day
        assert opened(tmp_path).count("tensorrt") == 1

    def test_other_versions_are_tested_again(self, net: Path, make_device: MakeDevice) -> None:
        providers = make_device(tensorrt="throws")
        assert Network(net, ALL, providers=providers).choice.provider == "cpu"
        newer = replace(
            make_device(tensorrt="good"), versions=replace(providers.versions, l4t="36.5.0")
        )
        assert Network(net, ALL, providers=newer).choice.provider == "tensorrt"

    def test_engines_of_other_versions_are_removed(
        self, net: Path, make_device: MakeDevice, tmp_path: Path
    ) -> None:
        old = tmp_path / "cache" / "l4t35.1-trt8.5"
        old.mkdir(parents=True)
        (old / "x.engine").write_bytes(b"x")
        Network(net, ALL, providers=make_device(tensorrt="good"))
        assert not old.exists()

    def test_damaged_results_file_is_ignored(
        self, net: Path, make_device: MakeDevice, tmp_path: Path
    ) -> None:
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / RESULTS_FILE).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "state" / RESULTS_FILE).write_text('{"results": [1')
        assert Network(net, ALL, providers=make_device(cuda="good")).choice.provider == "cuda"


def test_network_with_fixed_batch_of_one_is_supported(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(str(write_wav2lip(tmp_path / "net.onnx")))
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, str(tmp_path / "one.onnx"))
    network = Network(tmp_path / "one.onnx")
    arrays = inputs(network, 3)
    np.testing.assert_allclose(
        network(arrays)["picture"], expected(tmp_path / "net.onnx", arrays), atol=1e-6
    )


def test_file_that_is_not_a_network_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not a network")
    with pytest.raises(Fault) as caught:
        Network(tmp_path / "net.onnx")
    assert caught.value.code == "inference_failed"
