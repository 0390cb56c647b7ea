"""Compares the parsers of jetson-stats with the Jetson source on the same trees.

Needs jetson-stats (``pip install jetson-stats``, AGPL-3.0), which neither other tests nor devices
need; skipped without it. Zones that are powered down are omitted: jetson-stats would block on the
pipes that stand for them.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.telemetry.jetson import JetsonSource
from tests.telemetry.boards import BOARDS, Board

pytest.importorskip("jtop")
pytestmark = pytest.mark.filterwarnings(
    "ignore:The 'warn' method is deprecated"
)  # raised by jetson-stats

Make = Callable[..., Board]


@pytest.fixture(params=BOARDS)
def made(request: pytest.FixtureRequest, board: Make) -> Board:
    return board(request.param, pipes=False)


def test_temperatures(made: Board, tmp_path: Path) -> None:
    from jtop.core import temperature

    ours = JetsonSource(tmp_path, made.root)().temperatures_c
    sensors = temperature.get_virtual_thermal_temperature(
        str(made.root / "sys/devices/virtual/thermal")
    )
    sensors |= temperature.get_hwmon_thermal_system(str(made.root / "sys/class/hwmon"))
    theirs = {name: temperature.read_temperature(files) for name, files in sensors.items()}
    named = {name.split()[0].lower(): values["temp"] for name, values in theirs.items()}
    assert ours == named
    assert theirs["nvme Composite"]["crit"] == 84.85


def test_power_rails_and_total(made: Board, tmp_path: Path) -> None:
    from jtop.core import power

    reading = JetsonSource(tmp_path, made.root)()
    sensors = power.find_all_i2c_power_monitor(str(made.root / "sys/bus/i2c/devices"))
    theirs = {name: power.read_power_status(files) for name, files in sensors.items()}
    for values in theirs.values():
        values["power"] = int(
            values["volt"] * (float(values["curr"]) / 1000)
        )  # as its service computes it
        values["avg"] = values["power"]
    assert {name: int(value) for name, value in reading.power_mw.items()} == {
        name: values["power"] for name, values in theirs.items()
    }
    total, _ = power.total_power(theirs)
    assert reading.total_power_mw == pytest.approx(total["power"], abs=len(reading.power_mw))


def test_gpu_load_and_frequency(made: Board, tmp_path: Path) -> None:
    from jtop.core import gpu

    reading = JetsonSource(tmp_path, made.root)()
    (theirs,) = gpu.find_igpu(str(made.root / "sys/class/devfreq")).values()
    assert reading.gpu_load == gpu.igpu_read_status(theirs["path"])["load"] / 100
    assert reading.gpu_mhz == gpu.igpu_read_freq(theirs["frq_path"])["cur"] / 1000


def test_fan(made: Board, tmp_path: Path) -> None:
    from jtop.core import fan

    reading = JetsonSource(tmp_path, made.root)()
    theirs = fan.get_all_cooling_system(str(made.root / "sys/class/hwmon"))
    (pwm,) = theirs["pwmfan"]["pwm"]
    assert reading.fan_percent == fan.PWMtoValue(float(Path(pwm).read_text()))
    (rpm,) = theirs["pwmfan"]["rpm"]
    assert reading.fan_rpm == int(Path(rpm).read_text())


def test_memory(made: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jtop.core import memory

    def from_the_tree(path: str, *arguments: Any) -> Any:
        return builtins.open(str(made.root) + path, *arguments)

    monkeypatch.setattr(memory, "open", from_the_tree, raising=False)
    theirs = memory.meminfo()
    reading = JetsonSource(tmp_path, made.root)()
    assert reading.memory_total_mb == theirs["MemTotal"] / 1024
    assert reading.memory_available_mb == theirs["MemAvailable"] / 1024
    assert reading.gpu_memory_mb == theirs["NvMapMemUsed"] / 1024
    assert reading.swap_used_mb == (theirs["SwapTotal"] - theirs["SwapFree"]) / 1024


def test_gpu_memory_from_debugfs(made: Board) -> None:
    from jtop.core import processes

    from appliance.telemetry.cpu_gpu import nvmap_mb

    table = made.write(
        "sys/kernel/debug/nvmap/iovmm/clients",
        "CLIENT                        PROCESS      PID        SIZE\n"
        "user                          python3     1234     204800K\n"
        "total                                              204800K",
    )
    total, rows = processes.read_process_table(str(table))
    assert nvmap_mb(made.root, {}) == total / 1024 == 200
    assert rows == [["1234", "user", "python3", 204800]]


def test_power_mode(made: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """jetson-stats parses the output of ``nvpmodel``, which is faked here."""
    from jtop.core import nvpmodel

    def tool(arguments: list[str]) -> Callable[..., list[str]]:
        name = made.kind.modes[made.kind.mode]
        return lambda **_: [f"NV Power Mode: {name}", str(made.kind.mode)]

    monkeypatch.setattr(nvpmodel, "Command", tool)
    assert JetsonSource(tmp_path, made.root)().power_mode == nvpmodel.nvpmodel_query()["name"]
