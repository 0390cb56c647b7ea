"""Which reader is taken, jetson-stats' structures, and the daemon's thread."""

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
        assert spin  # the other kind waits
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


class TestChoice:
    def test_a_jetson_is_read_by_ourselves_and_others_by_psutil(
        self, board: Make, tmp_path: Path
    ) -> None:
        assert isinstance(select_source("auto", tmp_path, board("nano").root), JetsonSource)
        assert isinstance(select_source("auto", tmp_path, tmp_path / "pc"), HostSource)

    def test_what_the_config_names_is_taken(self, board: Make, tmp_path: Path) -> None:
        root = board("nano").root
        assert isinstance(select_source("host", tmp_path, root), HostSource)
        assert isinstance(select_source("sysfs", tmp_path, tmp_path), JetsonSource)

    @pytest.mark.parametrize(
        "error", [ImportError("No module named 'jtop'"), OSError("no service")]
    )
    def test_without_jetson_stats_our_own_reader_goes_on(
        self, board: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        def fail() -> Any:
            raise error

        source = select_source("jtop", tmp_path, board("nx").root, connect=fail)
        assert isinstance(source, JetsonSource)
        assert (str(error) or "RuntimeError()") in caplog.text


class TestJtop:
    def test_its_values_stand_over_ours(self, board: Make, tmp_path: Path) -> None:
        root = board("nano").root
        source = select_source("jtop", tmp_path, root, connect=client)
        assert isinstance(source, JtopSource)
        reading = source()
        assert reading.temperatures_c == {"cpu": 51.5}
        assert reading.power_mw == {"VDD_SOC": 1500, "VDD_IN": 7000}
        assert (reading.gpu_load, reading.gpu_mhz, reading.gpu_memory_mb) == (0.42, 612, 256)
        assert (reading.power_mode, reading.fan_percent, reading.fan_rpm) == ("25W", 40, 2100)
        assert reading.trip_points_c["cpu"]["throttle"] == 99  # our own: it tells none

    def test_what_it_does_not_tell_stays_ours(self) -> None:
        empty = Client(temperature={}, power={}, gpu={}, memory={}, nvpmodel=None, fan={})
        assert JtopSource(lambda: reading(7), lambda: empty)() == reading(7)

    @pytest.mark.parametrize("broken", ["ends", "raises"])
    def test_when_its_service_ends_ours_takes_over(
        self, broken: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        theirs = client()
        source = JtopSource(lambda: reading(7), lambda: theirs)
        assert source().gpu_load == 0.42
        if broken == "ends":
            theirs.alive = False
        else:
            del theirs.temperature
        assert source() == reading(7)
        assert source() == reading(7)
        assert caplog.text.count("jetson-stats is no longer used") == 1

    def test_its_thread_is_ended(self) -> None:
        theirs = client()
        JtopSource(lambda: reading(7), lambda: theirs).close()
        assert theirs.closed


def test_a_plain_computer_tells_what_psutil_knows(tmp_path: Path) -> None:
    found = HostSource(tmp_path, now=lambda: 12.0)()
    assert found.at == 12.0
    assert found.memory_total_mb == pytest.approx(psutil.virtual_memory().total / 2**20)
    assert 0 < found.memory_available_mb <= found.memory_total_mb
    assert 0 <= found.cpu_load <= 1
    assert found.gpu_load is None and found.power_mode is None and not found.throttled
    assert Reading.from_json(found.to_json()) == found


class TestSampler:
    def test_a_look_that_fails_is_told_once_and_the_next_one_counts(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        moods: Iterator[OSError | Reading] = iter([OSError("gone"), OSError("gone"), reading(3)])

        def source() -> Reading:
            mood = next(moods)
            if isinstance(mood, OSError):
                raise mood
            return mood

        with TelemetryStore(tmp_path / "t.sqlite3") as history, caplog.at_level(logging.WARNING):
            sampler = Sampler(source, history, 1, threading.Event())
            assert [sampler.sample(), sampler.sample()] == [None, None]
            assert sampler.sample() == history.latest() == reading(3)
        assert caplog.text.count("telemetry cannot be read: gone") == 1

    def test_the_daemons_thread_samples_at_once_and_ends_when_told(self, tmp_path: Path) -> None:
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

    def test_without_a_place_to_keep_them_the_daemon_goes_on(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "state").write_text("a file where a folder should be")
        assert start_sampler(tmp_path, TelemetryConfig(), threading.Event()) is None
        assert "telemetry cannot be stored" in caplog.text
