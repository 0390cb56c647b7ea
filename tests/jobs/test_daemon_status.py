"""The daemon's status row."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.jobs.daemon_status import HEARTBEAT_TIMEOUT_S, DaemonStatusStore
from appliance.jobs.store import store_path
from appliance.system.elapsed import read_boot_id


class Clock:
    time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def status_store(tmp_path: Path, clock: Clock) -> DaemonStatusStore:
    (tmp_path / "boot_id").write_text("first\n")
    return DaemonStatusStore(
        store_path(tmp_path), now=clock, boot_id=lambda: read_boot_id(tmp_path / "boot_id")
    )


class TestDaemonStatus:
    def test_daemon_counts_as_running_while_heartbeats_arrive(
        self, status_store: DaemonStatusStore, clock: Clock
    ) -> None:
        assert status_store.read() is None and status_store.record_start("1.0", 77) is None
        clock.time += HEARTBEAT_TIMEOUT_S - 1
        status_store.heartbeat()
        clock.time += HEARTBEAT_TIMEOUT_S - 1
        up = status_store.read()
        assert up is not None and up.is_running(clock.time) and (up.version, up.pid) == ("1.0", 77)
        assert not up.is_running(clock.time + 2)

    def test_start_returns_how_the_previous_daemon_ended(
        self, status_store: DaemonStatusStore, clock: Clock, tmp_path: Path
    ) -> None:
        status_store.record_start("1.0", 77)
        status_store.record_inference("cpu", "lectern-lite", "fp32")
        (tmp_path / "boot_id").write_text("second\n")
        killed = status_store.record_start("1.0", 78)
        assert killed is not None and not killed.stopped_cleanly and killed.boot_id == "first"
        status_store.record_stop()
        stopped = status_store.record_start("1.1", 79)
        assert stopped is not None and stopped.stopped_cleanly and stopped.boot_id == "second"
        now = status_store.read()
        assert now is not None and not now.stopped_cleanly and now.provider == "cpu"
        assert not stopped.is_running(clock.time) and now.is_running(clock.time)
