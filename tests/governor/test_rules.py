"""Each rule of the governor, near its thresholds."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from appliance.config import GovernorConfig as Settings
from appliance.governor.quiet_hours import QuietHoursRule, QuietWindow
from appliance.governor.rules import (
    RESUME_MARGIN_MB,
    RETRY_AFTER_S,
    Conditions,
    DiskRule,
    HeatRule,
    MemoryRule,
    PreviewRule,
)
from tests.governor.readings import COOL, warm_reading

NOW = 1_000_000.0
MONDAY = 4 * 86_400.0  # 5 January 1970, 00:00 UTC


def at(temperature: float) -> Conditions:
    return Conditions(NOW, warm_reading(NOW, temperature), job_running=True)


class TestHeat:
    def test_pause_starts_near_the_trip_point_and_ends_well_below_it(self) -> None:
        heat = HeatRule(6, 16)
        path = [80, 92.9, 93.1, 92, 84, 82.9, 90]
        pauses = [heat.check(at(temperature)) is not None for temperature in path]
        assert pauses == [False, False, True, True, True, False, False]

    def test_reason_contains_zone_and_temperatures(self) -> None:
        reason = HeatRule(6, 16).check(at(95))
        assert reason is not None
        assert reason.params == {"zone": "cpu", "temperature": "95", "resume": "83"}

    def test_zones_without_trip_points_are_ignored(self) -> None:
        hot = replace(COOL, temperatures_c={"nvme": 110.0})
        for reading in (hot, COOL, None):
            assert HeatRule(6, 16).check(Conditions(NOW, reading, job_running=True)) is None

    @pytest.mark.parametrize(
        ("trips", "pauses"),
        [
            ({"hot": 80.0, "critical": 100.0}, False),  # below the critical trip point
            ({"critical": 88.0}, True),
            ({"throttle": 88.0, "critical": 120.0}, True),
            ({"throttle": 0.0}, False),  # reported by some drivers
            ({"throttle": -5.0, "critical": 90.0}, True),
        ],
    )
    def test_relevant_trip_point_is_used(self, trips: dict[str, float], pauses: bool) -> None:
        reading = replace(COOL, temperatures_c={"cpu": 85.0}, trip_points_c={"cpu": trips})
        assert (
            HeatRule(6, 16).check(Conditions(NOW, reading, job_running=True)) is not None
        ) is pauses

    def test_margins_in_the_wrong_order_are_corrected(self) -> None:
        heat = HeatRule(16, 6)
        assert heat.check(at(85)) is not None
        assert heat.check(at(82)) is None


class TestMemory:
    @pytest.mark.parametrize(
        ("free", "job_running", "pauses"),
        [(600, False, False), (400, False, True), (400, True, False), (90, True, True)],
    )
    def test_starting_requires_more_than_continuing(
        self, free: float, job_running: bool, pauses: bool
    ) -> None:
        reading = replace(COOL, memory_available_mb=free)
        reason = MemoryRule(500, 100).check(Conditions(NOW, reading, job_running))
        assert (reason is not None) is pauses

    def test_no_hold_without_a_reading(self) -> None:
        assert MemoryRule(500, 100).check(Conditions(NOW, None, job_running=False)) is None


class TestDisk:
    @pytest.mark.parametrize(
        ("free", "job_running", "pauses"),
        [(400, False, False), (399, False, True), (101, True, False), (99, True, True)],
    )
    def test_starting_requires_more_than_continuing(
        self, free: float, job_running: bool, pauses: bool
    ) -> None:
        reason = DiskRule(400, lambda: free).check(Conditions(NOW, None, job_running))
        assert (reason is not None) is pauses

    def test_full_disk_requires_additional_space_to_resume(self) -> None:
        free = [50.0]
        disk = DiskRule(10, lambda: free[0])
        disk.note_disk_full()
        assert disk.check(Conditions(NOW + 1, None, job_running=False)) is not None
        assert disk.check(Conditions(NOW + 1, None, job_running=True)) is None
        free[0] += RESUME_MARGIN_MB
        assert disk.check(Conditions(NOW + 2, None, job_running=False)) is None
        free[0] = 11  # the additional space is no longer required
        assert disk.check(Conditions(NOW + 3, None, job_running=False)) is None

    @pytest.mark.parametrize("jump", [0.0, 1e9, -1e9])
    def test_full_disk_is_retried_after_a_while_whatever_the_clock_shows(self, jump: float) -> None:
        passed = [0.0]
        disk = DiskRule(10, lambda: 50.0, lambda: passed[0])
        disk.note_disk_full()
        conditions = Conditions(NOW + jump, None, job_running=False)
        passed[0] = RETRY_AFTER_S - 1
        assert disk.check(conditions) is not None
        passed[0] = RETRY_AFTER_S
        assert disk.check(conditions) is None


class TestQuietHours:
    def quiet_until(self, windows: list[str], day: int, hour: float) -> str | None:
        rule = QuietHoursRule(windows, localtime=time.gmtime)
        conditions = Conditions(MONDAY + 86_400 * day + 3600 * hour, None, job_running=False)
        reason = rule.check(conditions)
        return None if reason is None else reason.params["until"]

    @pytest.mark.parametrize(
        ("window", "day", "hour", "until"),
        [
            ("mon-fri 08:00-12:30", 0, 8, "1970-01-05 12:30"),
            ("mon-fri 08:00-12:30", 4, 12.49, "1970-01-09 12:30"),
            ("mon-fri 08:00-12:30", 0, 7.99, None),
            ("mon-fri 08:00-12:30", 0, 12.5, None),
            ("mon-fri 08:00-12:30", 5, 9, None),
            ("12:00-13:00", 6, 12, "1970-01-11 13:00"),
            ("22:00-06:00", 2, 23, "1970-01-08 06:00"),
            ("22:00-06:00", 2, 5, "1970-01-07 06:00"),
            ("sun 22:00-06:00", 0, 5, "1970-01-05 06:00"),
            ("sun 22:00-06:00", 0, 23, None),
            ("fri-mon 10:00-11:00", 6, 10, "1970-01-11 11:00"),
            ("fri-mon 10:00-11:00", 1, 10, None),
            ("sat,wed 10:00-11:00", 2, 10, "1970-01-07 11:00"),
            ("sat 00:00-00:00", 5, 23, "1970-01-11 00:00"),
            ("mon,wed-thu 10:00-11:00", 3, 10, "1970-01-08 11:00"),
            ("sat 8:30-24:00", 5, 8.5, "1970-01-11 00:00"),
        ],
    )
    def test_window_is_active_until(
        self, window: str, day: int, hour: float, until: str | None
    ) -> None:
        assert self.quiet_until([window], day, hour) == until

    def test_adjacent_windows_are_joined(self) -> None:
        windows = ["mon 08:00-12:00", "mon 11:00-14:00", "mon 14:00-15:00", "mon 16:00-17:00"]
        assert self.quiet_until(windows, 0, 9) == "1970-01-05 15:00"

    def test_permanent_quiet_hours_end_the_search(self) -> None:
        assert self.quiet_until(["00:00-00:00"], 3, 3) is not None

    def test_no_quiet_hours_by_default(self) -> None:
        assert self.quiet_until(Settings().quiet_hours, 0, 9) is None

    @pytest.mark.parametrize(
        "text",
        [
            "25:00-26:00",
            "8-12",
            "mo 8:00-9:00",
            "mon- 8:00-9:00",
            "mon-tue-wed 8:00-9:00",
            "8:00-9:00 ",
        ],
    )
    def test_invalid_window_is_rejected(self, text: str) -> None:
        with pytest.raises(ValueError, match="write days and hours as in"):
            Settings(quiet_hours=[text])

    def test_remaining_time_of_a_window(self) -> None:
        window = QuietWindow.parse("mon 22:00-06:00")
        assert window.minutes_left(22 * 60) == 8 * 60 and window.minutes_left(21 * 60) is None


class TestPreview:
    @pytest.mark.parametrize(("job_running", "waits"), [(True, True), (False, True), (True, False)])
    def test_only_a_current_job_is_paused(self, job_running: bool, waits: bool) -> None:
        reason = PreviewRule(lambda: waits).check(Conditions(NOW, None, job_running))
        assert (reason is not None) is (job_running and waits)
