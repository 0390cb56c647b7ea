"""Elapsed time with a clock that is wrong or changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.system.elapsed import (
    MAX_GAP_S,
    ElapsedTimes,
    boot_time,
    plausible_age_s,
    read_boot_id,
)

NOW = 1_800_000_000.0


def test_time_since_boot_advances() -> None:
    first = boot_time()
    assert 0 < first <= boot_time()


def test_missing_boot_id_is_empty(tmp_path: Path) -> None:
    assert read_boot_id(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("at", "age_s"),
    [
        (NOW, 0),
        (NOW - 60, 60),
        (NOW - MAX_GAP_S, MAX_GAP_S),
        (NOW - MAX_GAP_S - 1, 0),
        (NOW + 1, 0),
    ],
)
def test_age_is_plausible(at: float, age_s: float) -> None:
    assert plausible_age_s(at, NOW) == age_s


class TestElapsedTimes:
    @pytest.mark.parametrize("jump", [-NOW, -100.0, 0.0, 100.0, 2e9])
    def test_clock_changes_do_not_count(self, jump: float) -> None:
        now, passed = [NOW], [0.0]
        times = ElapsedTimes(lambda: now[0], lambda: passed[0])
        assert times.since("a", NOW - 10) == 10
        now[0] += jump
        passed[0] += 5
        assert times.since("a", NOW - 10) == 15

    @pytest.mark.parametrize("jump", [-NOW, 2e9])
    def test_event_first_seen_with_a_wrong_clock_begins_then(self, jump: float) -> None:
        passed = [0.0]
        times = ElapsedTimes(lambda: NOW + jump, lambda: passed[0])
        assert times.since("a", NOW) == 0
        passed[0] = 7
        assert times.since("a", NOW) == 7

    def test_repeated_and_forgotten_events_begin_again(self) -> None:
        passed = [0.0]
        times = ElapsedTimes(lambda: NOW, lambda: passed[0])
        times.since("a", NOW), times.since("b", NOW)
        passed[0] = 9
        assert (times.since("a", NOW), times.since("a", NOW - 1)) == (9, 1)
        times.keep({"a"})
        assert times.since("b", NOW) == 0
