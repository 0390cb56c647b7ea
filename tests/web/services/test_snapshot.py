"""Snapshots of the device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.web.conftest import Clock, add, reading
from web.services.snapshot import SnapshotReader


@pytest.fixture
def reader(config: Config, clock: Clock) -> Iterator[SnapshotReader]:
    reader = SnapshotReader(config.root, clock)
    yield reader
    reader.close()


class TestSnapshotReader:
    def test_jobs_are_grouped_by_state(
        self, reader: SnapshotReader, store: WorkerStore, clock: Clock
    ) -> None:
        ids = [add(store, name) for name in ("runs", "fails", "one", "two")]
        assert store.claim()
        store.set_priority(ids[1], 9)
        assert store.claim()
        store.fail(ids[1], Reason("file_missing", {"name": "x"}))
        store.set_priority(ids[3], 5)
        store.add(NewJob("waits", None, Path("/b.wav")))
        seen = reader()
        assert [job.stem for job in seen.running] == ["runs"]
        assert [job.stem for job in seen.queue] == ["two", "one"]
        assert [job.stem for job in seen.failed] == ["fails"]
        assert [job.stem for job in seen.waiting] == ["waits"]
        clock.time += 8 * 86400
        assert reader().failed == ()

    def test_daemon_state_is_reported(
        self, reader: SnapshotReader, config: Config, clock: Clock
    ) -> None:
        assert not reader().daemon_up
        with DaemonStatusStore(store_path(config.root), now=clock) as record:
            record.record_start("1.0", 7)
            assert reader().daemon_up
            clock.time += 60
            assert not reader().daemon_up

    def test_old_reading_is_ignored(
        self, reader: SnapshotReader, config: Config, clock: Clock
    ) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            history.add(reading(clock.time))
        assert reader().reading == reading(clock.time)
        clock.time += 120
        assert reader().reading is None

    def test_unreadable_queue_is_reported_and_recovers(
        self, reader: SnapshotReader, store: WorkerStore, config: Config
    ) -> None:
        add(store, "a")
        assert len(reader().queue) == 1
        store.close()
        reader.close()
        path = store_path(config.root)
        whole = path.read_bytes()
        path.write_bytes(b"no database" * 1000)
        seen = reader()
        assert seen.fault and seen.fault.code == "database_damaged"
        assert len(seen.queue) == 1
        path.write_bytes(whole)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        assert reader().fault is None
