"""The daemon's record tells whether it is up, and how the one before it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.jobs.daemon import PATIENCE_S, DaemonRecord
from appliance.jobs.store import store_path


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def record(tmp_path: Path, clock: Clock) -> DaemonRecord:
    (tmp_path / "boot_id").write_text("first\n")
    return DaemonRecord(store_path(tmp_path), now=clock, boot_id=tmp_path / "boot_id")


class TestDaemonRecord:
    def test_it_is_up_while_it_gives_signs_of_life(
        self, record: DaemonRecord, clock: Clock
    ) -> None:
        assert record.read() is None and record.begin("1.0", 77) is None
        clock.time += PATIENCE_S - 1
        record.beat()
        clock.time += PATIENCE_S - 1
        up = record.read()
        assert up is not None and up.is_up(clock.time) and (up.version, up.pid) == ("1.0", 77)
        assert not up.is_up(clock.time + 2)

    def test_the_next_one_learns_how_the_last_ended(
        self, record: DaemonRecord, clock: Clock, tmp_path: Path
    ) -> None:
        record.begin("1.0", 77)
        record.learned("cpu", "lectern-lite", "fp32")
        (tmp_path / "boot_id").write_text("second\n")
        killed = record.begin("1.0", 78)
        assert killed is not None and not killed.ended and killed.boot == "first"
        record.end()
        told = record.begin("1.1", 79)
        assert told is not None and told.ended and told.boot == "second"
        now = record.read()
        assert now is not None and not now.ended and now.provider == "cpu"
        assert not told.is_up(clock.time) and now.is_up(clock.time)
