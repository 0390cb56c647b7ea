"""Tests of the selection of a source, of jetson-stats, and of the sampler's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from appliance.config import TelemetryConfig
from appliance.telemetry.host import HostSource
from appliance.telemetry.jetson import JetsonSource
from appliance.telemetry.jtop import JtopSource
from appliance.telemetry.reading import Reading
from appliance.telemetry.sampler import Sampler, start_sampler
from appliance.telemetry.source import select_source
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.telemetry.boards import Board
from tests.telemetry.readings import reading

Make = Callable[..., Board]


class Client(SimpleNamespace):
    """A client of jetson-stats with the structures that its documentation lists."""

    closed = False
    alive = True

    def ok(self, spin: bool) -> bool:
        assert spin  # otherwise it would block
        return self.alive

    def close(self) -> None:
        self.closed = True


def client() -> Client:
    return Client(
        temperature={"CPU": {"temp": 51.5, "online": True}, "cv0": {"temp": -256, "online": False}},
        power={
            "rail": {"VDD_SOC": {"volt": 5000, "curr": 300, "power": 1500, "avg": 1400}},
            "tot": {"volt": 5000, "curr": 1400, "power": 7000, "avg": 6900, "name": "VDD_IN"},
        },
        gpu={"gpu": {"status": {"load": 42.0}, "freq": {"cur": 612000, "max": 1020000}}},
        memory={"RAM": {"tot": 7802160, "used": 2, "free": 3, "shared": 262144}},
        nvpmodel=SimpleNamespace(name="25W", id=1),
        fan={"pwmfan": {"speed": [40.0], "rpm": [2100]}},
    )


class TestSelectSource:
    def test_auto_selects_sysfs_on_a_jetson_and_psutil_elsewhere(
        self, board: Make, tmp_path: Path
    ) -> None:
        assert isinstance(select_source("auto", tmp_path, board("nano").root), JetsonSource)
        assert isinstance(select_source("auto", tmp_path, tmp_path / "pc"), HostSource)

    def test_configured_source_is_selected(self, board: Make, tmp_path: Path) -> None:
        root = board("nano").root
        assert isinstance(select_source("host", tmp_path, root), HostSource)
        assert isinstance(select_source("sysfs", tmp_path, tmp_path), JetsonSource)

    @pytest.mark.parametrize(
        "error", [ImportError("No module named 'jtop'"), OSError("no service")]
    )
    def test_sysfs_is_used_if_jetson_stats_is_unavailable(
        self, board: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        def fail() -> Any:
            raise error

        source = select_source("jtop", tmp_path, board("nx").root, connect=fail)
        assert isinstance(source, JetsonSource)
        assert (str(error) or "RuntimeError()") in caplog.text


class TestJtop:
    def test_values_of_jetson_stats_take_precedence(self, board: Make, tmp_path: Path) -> None:
        root = board("nano").root
        source = select_source("jtop", tmp_path, root, connect=client)
        assert isinstance(source, JtopSource)
        reading = source()
        assert reading.temperatures_c == {"cpu": 51.5}
        assert reading.power_mw == {"VDD_SOC": 1500, "VDD_IN": 7000}
        assert (reading.gpu_load, reading.gpu_mhz, reading.gpu_memory_mb) == (0.42, 612, 256)
        assert (reading.power_mode, reading.fan_percent, reading.fan_rpm) == ("25W", 40, 2100)
        assert reading.trip_points_c["cpu"]["throttle"] == 99  # from sysfs: jetson-stats has none

    def test_values_missing_in_jetson_stats_come_from_sysfs(self) -> None:
        empty = Client(temperature={}, power={}, gpu={}, memory={}, nvpmodel=None, fan={})
        assert JtopSource(lambda: reading(7), lambda: empty)() == reading(7)

    @pytest.mark.parametrize("broken", ["ends", "raises"])
    def test_sysfs_is_used_after_jetson_stats_fails(
        self, broken: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        jtop_client = client()
        source = JtopSource(lambda: reading(7), lambda: jtop_client)
        assert source().gpu_load == 0.42
        if broken == "ends":
            jtop_client.alive = False
        else:
            del jtop_client.temperature
        assert source() == reading(7)
        assert source() == reading(7)
        assert caplog.text.count("jetson-stats is no longer used") == 1

    def test_closing_closes_the_client(self) -> None:
        jtop_client = client()
        JtopSource(lambda: reading(7), lambda: jtop_client).close()
        assert jtop_client.closed


def test_host_source_reads_psutil(tmp_path: Path) -> None:
    found = HostSource(tmp_path, now=lambda: 12.0)()
    assert found.at == 12.0
    assert found.memory_total_mb == pytest.approx(psutil.virtual_memory().total / 2**20)
    assert 0 < found.memory_available_mb <= found.memory_total_mb
    assert 0 <= found.cpu_load <= 1
    assert found.gpu_load is None and found.power_mode is None and not found.throttled
    assert Reading.from_json(found.to_json()) == found


class TestSampler:
    def test_repeated_error_is_logged_once_and_sampling_continues(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        results: Iterator[OSError | Reading] = iter([OSError("gone"), OSError("gone"), reading(3)])

        def source() -> Reading:
            result = next(results)
            if isinstance(result, OSError):
                raise result
            return result

        with TelemetryStore(tmp_path / "t.sqlite3") as store, caplog.at_level(logging.WARNING):
            sampler = Sampler(source, store, 1, threading.Event())
            assert [sampler.sample(), sampler.sample()] == [None, None]
            assert sampler.sample() == store.latest() == reading(3)
        assert caplog.text.count("telemetry cannot be read: gone") == 1

    def test_thread_samples_at_once_and_ends_on_stop(self, tmp_path: Path) -> None:
        stop = threading.Event()
        thread = start_sampler(tmp_path, TelemetryConfig(interval_s=3600), stop)
        assert thread is not None
        with TelemetryStore(telemetry_path(tmp_path)) as panel:
            for _ in range(1000):
                if panel.latest() is not None:
                    break
                threading.Event().wait(0.01)
            assert panel.latest() is not None
        stop.set()
        thread.join(10)
        assert not thread.is_alive()

    def test_unwritable_state_folder_disables_telemetry(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "state").write_text("a file where a folder should be")
        assert start_sampler(tmp_path, TelemetryConfig(), threading.Event()) is None
        assert "telemetry cannot be stored" in caplog.text
