"""The daemon's record tells whether it is up, and how the one before it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.jobs.daemon_status import HEARTBEAT_TIMEOUT_S, DaemonStatusStore
from appliance.jobs.store import store_path


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def record(tmp_path: Path, clock: Clock) -> DaemonStatusStore:
    (tmp_path / "boot_id").write_text("first\n")
    return DaemonStatusStore(store_path(tmp_path), now=clock, boot_id=tmp_path / "boot_id")


class TestDaemonRecord:
    def test_it_is_up_while_it_gives_signs_of_life(
        self, record: DaemonStatusStore, clock: Clock
    ) -> None:
        assert record.read() is None and record.record_start("1.0", 77) is None
        clock.time += HEARTBEAT_TIMEOUT_S - 1
        record.heartbeat()
        clock.time += HEARTBEAT_TIMEOUT_S - 1
        up = record.read()
        assert up is not None and up.is_running(clock.time) and (up.version, up.pid) == ("1.0", 77)
        assert not up.is_running(clock.time + 2)

    def test_the_next_one_learns_how_the_last_ended(
        self, record: DaemonStatusStore, clock: Clock, tmp_path: Path
    ) -> None:
        record.record_start("1.0", 77)
        record.record_engine("cpu", "lectern-lite", "fp32")
        (tmp_path / "boot_id").write_text("second\n")
        killed = record.record_start("1.0", 78)
        assert killed is not None and not killed.stopped_cleanly and killed.boot_id == "first"
        record.record_stop()
        told = record.record_start("1.1", 79)
        assert told is not None and told.stopped_cleanly and told.boot_id == "second"
        now = record.read()
        assert now is not None and not now.stopped_cleanly and now.provider == "cpu"
        assert not told.is_running(clock.time) and now.is_running(clock.time)
