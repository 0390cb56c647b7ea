from __future__ import annotations

import json

import pytest

from appliance.telemetry.reading import Reading
from tests.telemetry.readings import reading


def test_reading_survives_serialization() -> None:
    full = reading(5.5, unavailable=("zone:cv0",), disk_wear_percent=10.0, throttled=True)
    assert Reading.from_json(full.to_json()) == full
    assert "\n" not in full.to_json()


def test_reading_of_another_version_is_parsed() -> None:
    values = json.loads(reading(1.0).to_json())
    values["humidity"] = 40
    del values["fan_rpm"], values["unavailable"]
    assert Reading.from_json(json.dumps(values)) == reading(1.0)


@pytest.mark.parametrize("line", ["[]", "{}", "not json", '{"at": 1}'])
def test_invalid_line_is_rejected(line: str) -> None:
    with pytest.raises(ValueError):
        Reading.from_json(line)


def test_hottest_zone_is_nearest_to_its_trip_point() -> None:
    warm = reading(
        0,
        temperatures_c={"cpu": 80.0, "nvme": 70.0, "soc0": 66.0},
        trip_points_c={"cpu": {"throttle": 99.0}, "nvme": {"critical": 75.0}},
    )
    assert warm.hottest == ("nvme", 70.0)
    assert warm.headroom_c == 5.0
    assert reading(0, temperatures_c={"soc0": 66.0}, trip_points_c={}).headroom_c == 19.0
    assert reading(0, temperatures_c={}).headroom_c is None


def test_total_power_is_the_input_rail_or_the_sum() -> None:
    assert reading(0, power_mw={"VDD_IN": 7.0, "VDD_SOC": 2.0}).total_power_mw == 7.0
    assert reading(0, power_mw={"VDD_CPU_CV": 7.0, "VDD_GPU_SOC": 2.0}).total_power_mw == 9.0
    assert reading(0, power_mw={}).total_power_mw is None
