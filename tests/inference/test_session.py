"""Session options, versions, the test input, stored results, and the choice of a precision."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from appliance.config import PROJECT, LipsConfig
from appliance.inference.golden import check_golden, golden_input, sample
from appliance.inference.manifest import Manifest, load_manifest
from appliance.inference.precision import benchmark_precisions, choose_best, prepare_providers
from appliance.inference.providers import Providers
from appliance.inference.results import RESULTS_FILE, ProviderResult, ProviderResults
from appliance.inference.selftest import SelfTest, reference_output
from appliance.inference.session import (
    RuntimeVersions,
    SessionSettings,
    open_session,
    provider_options,
)
from appliance.lips.model import LipModel
from tests.inference.fake_providers import fake_device, opened
from tests.tiny_wav2lip import write_wav2lip

MODELS = PROJECT / "models_lite"


def test_onnx_runtime_sends_no_telemetry(tmp_path: Path) -> None:
    """A wheel with telemetry creates an identifier in the home folder; ours must not."""
    code = "import appliance.inference.session, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    del environment["ORT_DISABLE_TELEMETRY"]
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=environment, cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (run.stdout, run.stderr) == ("1\n", "")
    assert list(tmp_path.rglob("*Microsoft*")) == []


class TestVersions:
    def test_versions_are_read_from_the_system(self, tmp_path: Path) -> None:
        library = tmp_path / "usr/lib/aarch64-linux-gnu"
        library.mkdir(parents=True)
        for name in ("libnvinfer.so", "libnvinfer.so.10", "libnvinfer.so.10.3.0"):
            (library / name).touch()
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.3, GCID: 1\n")
        machine = RuntimeVersions.find(tmp_path)
        assert (machine.l4t, machine.tensorrt) == ("36.4.3", "10.3.0")
        assert str(machine).startswith("l4t36.4.3-trt10.3.0-ort")

    def test_other_systems_have_no_versions(self, tmp_path: Path) -> None:
        assert RuntimeVersions.find(tmp_path) == RuntimeVersions()


class TestOptions:
    @pytest.fixture
    def net(self, tmp_path: Path) -> Path:
        return write_wav2lip(tmp_path / "net.onnx")

    def test_tensorrt_builds_one_cached_engine_for_all_batches(
        self, net: Path, tmp_path: Path
    ) -> None:
        settings = SessionSettings(1, 512, tmp_path / "cache", "abc-int8", "int8")
        options = provider_options("tensorrt", net, settings)
        assert options["trt_profile_min_shapes"] == "sound:1x1x80x16,faces:1x6x96x96"
        assert options["trt_profile_max_shapes"] == "sound:8x1x80x16,faces:8x6x96x96"
        assert options["trt_engine_cache_path"] == str(tmp_path / "cache")
        assert options["trt_engine_cache_prefix"] == "abc-int8"
        assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == ("1", "1")
        assert options["trt_max_workspace_size"] == str(256 << 20)
        exact = provider_options("tensorrt", net, SessionSettings())
        assert (exact["trt_fp16_enable"], exact["trt_int8_enable"]) == ("0", "0")
        assert "trt_engine_cache_path" not in exact

    def test_cuda_memory_is_limited(self, net: Path) -> None:
        assert provider_options("cuda", net, SessionSettings(memory_mb=400)) == {
            "gpu_mem_limit": str(400 << 20),
            "arena_extend_strategy": "kSameAsRequested",
            "cudnn_conv_algo_search": "HEURISTIC",
        }

    def test_silent_fallback_to_another_provider_is_refused(self, net: Path) -> None:
        with pytest.raises(RuntimeError, match="could not start"):
            open_session(net, "cuda", SessionSettings())

    def test_gpu_memory_is_a_share_of_the_system_memory(self) -> None:
        assert 384 <= Providers().settings("sha", "fp32", 2).memory_mb <= 2048

    def test_selftest_can_be_sent_to_a_child(self, tmp_path: Path) -> None:
        path = tmp_path / b"na\xefve.onnx".decode("utf-8", "surrogateescape")
        settings = SessionSettings(2, 300, tmp_path / "cache", "p", "fp16")
        order = SelfTest(path, "cuda", settings, {"y": [[0.5]]}, 3, "some.module")
        assert SelfTest.from_json(order.to_json()) == order


class TestQuestion:
    def entries(self) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(name="a", shape=["batch", 2, 12, 12]),
            SimpleNamespace(name="b", shape=[1, 80, "frames"]),
        ]

    def test_row_is_the_same_in_every_batch(self) -> None:
        whole, part = golden_input(self.entries()), golden_input(self.entries(), 3)
        assert whole["a"].shape == (8, 2, 12, 12) and whole["b"].shape == (1, 80, 64)
        np.testing.assert_array_equal(whole["a"][:3], part["a"])

    def test_input_is_within_bounds_and_differs_by_row(self) -> None:
        for values in golden_input(self.entries()).values():
            assert 0 <= values.min() < 0.2 and 0.8 < values.max() <= 1
        rows = golden_input(self.entries())["a"]
        assert min(np.abs(rows[i] - rows[i + 1]).max() for i in range(7)) > 0.05

    def test_every_kind_of_wrong_output_is_detected(self) -> None:
        right = {"y": np.linspace(0, 1, 8 * 300, dtype=np.float32).reshape(8, 300)}
        golden = sample(right)
        check_golden(golden, right, 0.005)
        check_golden(golden, {"y": right["y"][:2]}, 0.005)
        nan = right["y"].copy()
        nan[:, 0] = np.nan
        for wrong in (right["y"] + 0.01, right["y"] * 0, right["y"][::-1], nan, right["y"][:, :5]):
            with pytest.raises(ValueError, match="self-test"):
                check_golden(golden, {"y": wrong}, 0.005)
        with pytest.raises(ValueError, match="no output y"):
            check_golden(golden, {}, 0.005)


def test_shipped_models_match_their_reference_output() -> None:
    manifest = load_manifest("lectern-lite", MODELS)
    for precision in manifest.precisions():
        model = LipModel.open(manifest, precision, ["cpu"])
        assert manifest.entry("renderer", precision).golden
        assert model.main.choice.provider == "cpu"  # its self-test has passed


class TestVerdicts:
    def test_failures_expire_after_a_day_and_successes_do_not(self, tmp_path: Path) -> None:
        at = [1000.0]
        results = ProviderResults(tmp_path / RESULTS_FILE, RuntimeVersions("36.4"), lambda: at[0])
        results.add("sha", "cuda", "fp16", "it threw")
        results.add("sha", "cpu", "fp16", batch=8, ms=1.5, open_s=0.1)
        at[0] += 86399
        again = ProviderResults(tmp_path / RESULTS_FILE, RuntimeVersions("36.4"), lambda: at[0])
        assert again.get("sha", "cuda") == ProviderResult("cuda", "fp16", "it threw", 0, 0, 0, 1000)
        at[0] += 1
        assert again.get("sha", "cuda") is None
        assert again.get("sha", "cpu") == ProviderResult("cpu", "fp16", "", 8, 1.5, 0.1, 1000)
        assert (
            ProviderResults(tmp_path / RESULTS_FILE, RuntimeVersions("36.5")).get("sha", "cpu")
            is None
        )

    def test_unwritable_folder_is_only_logged(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "state").touch()
        results = ProviderResults(tmp_path / "state" / RESULTS_FILE, RuntimeVersions())
        results.set_precision("model", "int8")
        assert results.precision("model") == "int8" and "cannot be written" in caplog.text


def manifest(tmp_path: Path, int8_db: float = 52.0) -> Manifest:
    """Three precisions of a tiny network (the same arithmetic in each)."""
    files = {}
    for seed, precision in enumerate(("fp32", "fp16", "int8")):
        path = write_wav2lip(tmp_path / f"{precision}.onnx", seed)
        files[precision] = {"generator": {"file": path.name, "golden": reference_output(path)}}
    return Manifest.model_validate(
        {
            "name": "three",
            "kind": "wav2lip",
            "files": files,
            "quantization": {"psnr_db": int8_db, "fp16_psnr_db": 90.0},
            "folder": tmp_path,
        }
    )


class TestChoice:
    @pytest.mark.parametrize(
        ("ms", "db", "best"),
        [
            ((3.0, 3.1, 1.0), 52, "int8"),
            ((3.0, 2.0, 1.9), 52, "fp16"),  # INT8 saves too little over half precision
            ((3.0, 2.9, 2.8), 52, "fp32"),
            ((3.0, 3.1, 1.0), 40, "fp32"),  # fast but visibly worse
        ],
    )
    def test_fastest_faithful_precision_is_chosen(
        self, tmp_path: Path, ms: tuple[float, ...], db: float, best: str
    ) -> None:
        results = [ProviderResult("cuda", "fp32", "it threw", 0, 0, 0, 0)]
        for precision, each in zip(("fp32", "fp16", "int8"), ms, strict=True):
            results.append(ProviderResult("cpu", precision, "", 8, each, 0.1, 0))
        found = choose_best(manifest(tmp_path, db), results)
        assert found is not None and found.precision == best

    def test_preferred_provider_wins_over_a_faster_one(self, tmp_path: Path) -> None:
        results = [
            ProviderResult("tensorrt", "fp32", "too large", 0, 0, 0, 0),
            ProviderResult("tensorrt", "fp16", "", 8, 2.0, 60, 0),
            ProviderResult("cpu", "fp32", "", 8, 1.0, 0.1, 0),
        ]
        assert choose_best(manifest(tmp_path), results) == results[1]
        assert choose_best(manifest(tmp_path), results[:1]) is None

    def test_auto_uses_the_measured_precision(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))
        three, device = manifest(tmp_path), fake_device(tmp_path, tensorrt="throws", cuda="good")
        assert LipModel.open(three, "auto", ["cuda"], providers=device).precision == "fp32"
        seconds: list[float] = []
        prepare_providers(three, "auto", ["tensorrt", "cuda"], device, 1, seconds.append)
        chosen = device.results.precision(three.digest("fp32"))
        assert chosen in ("fp32", "fp16", "int8")
        assert LipModel.open(three, "auto", ["cuda"], providers=device).precision == chosen
        assert opened(tmp_path).count("cuda") == 3  # each precision once; the CPU was not tested
        prepare_providers(three, "auto", ["tensorrt", "cuda"], device, 1, seconds.append)
        assert opened(tmp_path).count("cuda") == 3
        assert seconds == sorted(seconds)

    def test_measuring_all_returns_every_provider_and_the_cpu(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))
        three, device = manifest(tmp_path), fake_device(tmp_path, cuda="wrong")
        results = benchmark_precisions(three, ["tensorrt", "cuda"], device, 1)
        assert [(v.provider, v.precision, v.passed) for v in results] == [
            *(("cuda", precision, False) for precision in ("fp32", "fp16", "int8")),
            *(("cpu", precision, True) for precision in ("fp32", "fp16", "int8")),
        ]
        assert all(v.ms > 0 and v.batch == 8 for v in results if v.passed)

    def test_nothing_is_prepared_without_gpu_providers(self, tmp_path: Path) -> None:
        device = Providers.of(tmp_path, LipsConfig())
        prepare_providers(manifest(tmp_path), "auto", ["tensorrt", "cuda", "cpu"], device, 1)
        assert not (tmp_path / "state").exists()
