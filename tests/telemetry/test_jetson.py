"""Tests of the Jetson source on fake trees of real boards."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.telemetry.jetson import JetsonSource
from tests.telemetry.boards import BOARDS, POWERED_DOWN, Board

Make = Callable[..., Board]


class Clock:
    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


def source(board: Board, tmp_path: Path, clock: Clock | None = None) -> JetsonSource:
    clock = clock or Clock()
    return JetsonSource(tmp_path, board.root, now=clock, monotonic=clock)


@pytest.mark.parametrize("name", BOARDS)
def test_all_values_of_every_board_are_read(board: Make, tmp_path: Path, name: str) -> None:
    made = board(name)
    reading = source(made, tmp_path)()
    readable = [zone for zone in made.kind.zones if zone not in POWERED_DOWN]
    assert reading.at == 1_700_000_000.0
    assert reading.temperatures_c == {
        **{zone: 45.5 + made.kind.zones.index(zone) for zone in readable},
        "nvme": 38.85,
    }
    assert reading.trip_points_c["cpu"] == {"throttle": 99.0, "critical": 104.5}
    assert reading.trip_points_c["nvme"] == {"critical": 84.85}
    assert reading.gpu_load == 0.735
    assert reading.gpu_mhz == 612
    assert reading.cpu_mhz == 1190.405
    assert reading.memory_total_mb == made.kind.memory_kb / 1024
    assert reading.memory_available_mb == 4000
    assert reading.gpu_memory_mb == 512
    assert reading.swap_used_mb == 250
    assert reading.power_mode == made.kind.modes[made.kind.mode]
    assert reading.fan_percent == 40
    assert reading.fan_rpm == 2100
    assert not reading.throttled and reading.throttle_events == 0
    assert reading.disk_total_mb >= reading.disk_free_mb > 0
    assert set(reading.unavailable) == {f"zone:{zone}" for zone in POWERED_DOWN}


def test_power_rails_are_in_milliwatts_by_name(board: Make, tmp_path: Path) -> None:
    nano = source(board("nano"), tmp_path)()
    assert nano.power_mw == {"VDD_IN": 7411.84, "VDD_CPU_GPU_CV": 2100.0, "VDD_SOC": 1440.0}
    assert nano.total_power_mw == 7411.84
    agx = source(board("agx"), tmp_path)()
    assert set(agx.power_mw) == {"VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"}
    assert agx.total_power_mw == pytest.approx(4800 + 1190.4 + 4079.488 + 634.128)


def test_powered_down_zone_is_unavailable_until_it_is_powered_up(
    board: Make, tmp_path: Path
) -> None:
    made = board("nano")
    read = source(made, tmp_path)
    (made.root / made.zone("cv0") / "temp").unlink()
    made.temperature("cv0", 51)
    made.power_down(f"{made.zone('gpu')}/temp")
    reading = read()
    assert reading.temperatures_c["cv0"] == 51
    assert "gpu" not in reading.temperatures_c and "zone:gpu" in reading.unavailable


def test_late_clock_node_is_found_within_a_minute(board: Make, tmp_path: Path) -> None:
    made, clock = board("nano", clock=False), Clock()
    read = source(made, tmp_path, clock)
    assert read().gpu_mhz is None
    made.add_clock(918_000_000)
    clock.at += 60
    assert read().gpu_mhz == 918


class TestThrottling:
    def test_high_temperature_alone_is_not_throttling(self, board: Make, tmp_path: Path) -> None:
        made = board("nano")
        made.temperature("tj", 98.9)
        reading = source(made, tmp_path)()
        assert not reading.throttled
        assert reading.hottest == ("tj", 98.9)
        assert reading.headroom_c == pytest.approx(0.1)

    def test_over_current_events_are_counted_from_the_start(
        self, board: Make, tmp_path: Path
    ) -> None:
        made, clock = board("nano"), Clock()
        read = source(made, tmp_path, clock)
        assert read().throttle_events == 0  # 4 and 7 are earlier events
        made.write("sys/class/hwmon/hwmon10/oc1_event_cnt", 6)
        made.write("sys/class/hwmon/hwmon10/oc3_event_cnt", 8)
        reading = read()
        assert reading.throttled and reading.throttle_events == 3
        reading = read()
        assert not reading.throttled and reading.throttle_events == 3
        made.write("sys/class/hwmon/hwmon10/oc1_event_cnt", 2)  # the counter was reset
        clock.at += 3600  # sensors are searched again meanwhile; counts remain
        assert read().throttle_events == 5

    @pytest.mark.parametrize(
        ("device", "throttled"), [(0, False), (1, True), (2, True), (3, False)]
    )
    def test_active_cooling_device_means_throttled(
        self, board: Make, tmp_path: Path, device: int, throttled: bool
    ) -> None:
        made = board("nano")
        made.write(f"sys/devices/virtual/thermal/cooling_device{device}/cur_state", 2)
        assert source(made, tmp_path)().throttled is throttled


class TestProcessor:
    def test_load_covers_the_time_since_the_last_reading(self, board: Make, tmp_path: Path) -> None:
        made = board("nano")
        read = source(made, tmp_path)
        made.write("proc/stat", "cpu  1060 0 515 8020 305 0 200 0 7 9")
        assert read().cpu_load == 0.75  # 75 of 100 ticks; the first number includes guests
        assert read().cpu_load == 0.0

    def test_invalid_file_means_no_load(self, board: Make, tmp_path: Path) -> None:
        made = board("nano")
        read = source(made, tmp_path)
        made.write("proc/stat", "cpu  invalid")
        assert read().cpu_load == 0.0


class TestGpuMemory:
    def test_debugfs_is_used_without_a_line_in_meminfo(self, board: Make, tmp_path: Path) -> None:
        made = board("nano")
        lines = (made.root / "proc/meminfo").read_text().splitlines()
        made.write("proc/meminfo", "\n".join(line for line in lines if "NvMap" not in line))
        assert source(made, tmp_path)().gpu_memory_mb is None
        made.write(
            "sys/kernel/debug/nvmap/iovmm/clients",
            "CLIENT   PROCESS   PID     SIZE\nuser     python3   1234  204800K\ntotal    204800K",
        )
        assert source(made, tmp_path)().gpu_memory_mb == 200


class TestDisk:
    def device(self, board: Board, disk: str, files: dict[str, str]) -> JetsonSource:
        base = f"sys/devices/platform/{disk}"
        for name, value in files.items():
            board.write(f"{base}/{name}", value)
        board.write(f"{base}/{disk}p1/partition", 1)
        link = board.root / "sys/dev/block/179:1"
        link.parent.mkdir(parents=True)
        link.symlink_to(board.root / base / f"{disk}p1")
        return JetsonSource(board.root, board.root, now=Clock(), device=(179, 1))

    def test_wear_of_an_emmc_is_read(self, board: Make) -> None:
        files = {"device/life_time": "0x02 0x03", "stat": "1 2 3 4 5 6 4096 8 9 10 11"}
        reading = self.device(board("agx"), "mmcblk0", files)()
        assert reading.disk_wear_percent == 30
        assert reading.disk_written_mb == 2

    def test_disk_without_wear_data_has_none(self, board: Make) -> None:
        reading = self.device(board("nano"), "nvme0n1", {"stat": "garbage"})()
        assert reading.disk_wear_percent is None
        assert reading.disk_written_mb is None


def test_machine_without_sensors_is_no_error(tmp_path: Path) -> None:
    reading = JetsonSource(tmp_path / "gone", tmp_path, now=Clock())()
    assert reading.temperatures_c == {} and reading.power_mw == {}
    assert reading.power_mode is None and reading.gpu_load is None
    assert reading.hottest is None and reading.total_power_mw is None


def test_power_mode_without_a_name_has_its_number(board: Make, tmp_path: Path) -> None:
    made = board("nano")
    made.write("etc/nvpmodel.conf", "# another layout")
    assert source(made, tmp_path)().power_mode == "mode 1"


def test_reading_takes_less_than_a_hundredth_of_a_core(board: Make, tmp_path: Path) -> None:
    read = source(board("agx"), tmp_path)
    rounds = 50
    before = time.process_time()
    for _ in range(rounds):
        read()
    assert (time.process_time() - before) / rounds < 0.01 * 1.0  # at the shortest interval, 1 s
