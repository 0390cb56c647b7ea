"""The roofline model: its inputs match the shipped network, and its page is up to date."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from appliance.config import PROJECT
from appliance.doctor.roofline import (
    CPU_MS,
    MODULES,
    SHIPPED,
    RendererCost,
    TrialRender,
    compare_prediction,
    find_module,
    network_ms,
    predict,
    slowdown,
)
from tests.telemetry.readings import reading


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = PROJECT / "docs" / "performance_jetson.py"
    spec = importlib.util.spec_from_file_location("performance_jetson", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_up_to_date(script: ModuleType) -> None:
    written: Path = script.TARGET
    assert written.read_text(encoding="utf-8") == script.page()
    assert "Everything on this page is predicted" in script.page()


def test_cost_is_that_of_the_shipped_network(script: ModuleType) -> None:
    counted: RendererCost = script.count()
    # The prediction claims a factor of two, so a new network of a similar size leaves it true.
    assert counted.macs == pytest.approx(SHIPPED.macs, rel=0.25)
    assert counted.activations == pytest.approx(SHIPPED.activations, rel=0.5)


def test_network_time_agrees_with_an_independent_estimate() -> None:
    """Orin Nano 8GB: about 0.2 ms per frame in batches of eight, within a factor of two."""
    nano = MODULES[1]
    assert 0.1 <= network_ms(nano, nano.modes[0]) <= 0.4


@pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])
def test_higher_power_mode_is_never_slower_and_video_fits_the_memory(module: object) -> None:
    assert module in MODULES
    found = next(each for each in MODULES if each is module)
    first, last = found.modes[0], found.modes[-1]
    for width, height in CPU_MS:
        slow, fast = (predict(found, mode, width, height) for mode in (first, last))
        assert fast.fps >= slow.fps > 0
        assert fast.fps >= predict(found, last, width, height, gpu=False).fps
        assert slow.memory_mb < found.memory_mb
    assert slowdown(last) <= slowdown(first)


class TestComparison:
    def test_module_is_found_by_name_memory_and_mode(self) -> None:
        name = "NVIDIA Jetson Orin NX Engineering Reference Developer Kit"
        found = find_module(name, reading(0, memory_total_mb=15500.0, power_mode="25W"))
        assert found is not None
        assert (found[0].name, found[1] and found[1].name) == ("Orin NX 16GB", "25W")
        small = find_module("Jetson Orin Nano", reading(0, memory_total_mb=3400.0))
        assert small is not None and small[0].name == "Orin Nano 4GB"
        assert (
            find_module("Intel NUC", reading(0)) is None and find_module(None, reading(0)) is None
        )

    def test_stage_holds_within_a_factor_of_two(self) -> None:
        nano = MODULES[1]
        about = reading(0, memory_total_mb=7600.0, power_mode="15W")
        predicted = CPU_MS[1920, 1080]["encode"] * slowdown(nano.modes[0])
        stages = {"encode": {"cpu_ms": predicted * 1.9}, "decode": {"cpu_ms": predicted * 9}}
        network = {"precision": "fp16", "provider": "tensorrt", "ms": 0.2}
        other = {"precision": "int8", "provider": "cuda", "ms": 9.0}
        found = compare_prediction("Jetson Orin Nano", about, stages, [other, network])
        assert (found["module"], found["mode"]) == ("Orin Nano 8GB", "15W")
        holds = {name: entry["holds"] for name, entry in found["stages_ms"].items()}
        assert holds == {"encode": True, "decode": False, "network": True}
        assert found["rendering"] == {}

    def test_trial_render_confirms_or_refutes_speed_and_memory(self) -> None:
        about = reading(0, memory_total_mb=7600.0, power_mode="15W")
        predicted = predict(MODULES[1], MODULES[1].modes[0], 1920, 1080)
        trial = TrialRender(
            1920, 1080, predicted.fps / 3, predicted.memory_mb * 1.2, "tensorrt", {}
        )
        found = compare_prediction("Jetson Orin Nano", about, {}, [], trial)["rendering"]
        assert found["fps"] == {
            "predicted": predicted.fps, "measured": round(predicted.fps / 3, 3), "holds": False,
        }  # fmt: skip
        assert found["memory_mb"]["holds"]
        alone = predict(MODULES[1], MODULES[1].modes[0], 1920, 1080, gpu=False)
        without = replace(trial, provider="cpu")
        found = compare_prediction("Jetson Orin Nano", about, {}, [], without)["rendering"]
        assert found["fps"]["predicted"] == alone.fps
        other = replace(trial, width=640, height=360)
        assert compare_prediction("Jetson Orin Nano", about, {}, [], other)["rendering"] == {}

    def test_unknown_power_mode_is_not_compared(self) -> None:
        about = reading(0, memory_total_mb=7600.0, power_mode="7W")
        stages = {"encode": {"cpu_ms": 400.0}}
        assert compare_prediction("Jetson Orin Nano", about, stages, []) == {
            "module": "Orin Nano 8GB", "mode": None, "modes": ["15W", "25W", "MAXN_SUPER"],
        }  # fmt: skip

    def test_unknown_device_is_not_compared(self) -> None:
        assert compare_prediction("Intel NUC", reading(0), {}, []) == {}
