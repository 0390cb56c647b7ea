"""All rules together: holds are stored while their reasons apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.config import Config, load_config
from appliance.governor.governor import MAX_READING_AGE_S, build_governor, newest_reading_source
from appliance.governor.rules import DiskRule
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from appliance.media.probe import PresenterInfo
from appliance.tasks.estimates import expected_disk_mb
from appliance.telemetry.reading import Reading
from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.governor.readings import COOL, warm_reading

NOW = 1_000_000.0


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(root=tmp_path)


@pytest.fixture
def store(config: Config) -> WorkerStore:
    return WorkerStore(store_path(config.root))


class TestGovernor:
    def test_holds_exist_while_their_reasons_apply(
        self, store: WorkerStore, config: Config
    ) -> None:
        readings: list[Reading | None] = [warm_reading(NOW, 97)]
        free = [1.0]
        governor = build_governor(
            store,
            config.governor,
            DiskRule(100, lambda: free[0]),
            read_telemetry=lambda: readings[0],
            now=lambda: NOW,
        )
        assert not governor.allows(job_running=False) and not governor.allows(job_running=False)
        assert sorted(hold.code for hold in store.holds()) == ["low_disk_space", "too_hot"]
        free[0], readings[0] = 200.0, warm_reading(NOW, 97.5)
        assert not governor.allows(job_running=True)
        assert [hold.code for hold in store.holds()] == ["too_hot"]
        readings[0] = COOL
        assert governor.allows(job_running=True) and store.holds() == []
        assert [event.kind for event in store.events()].count("hold") == 2

    def test_holds_of_a_previous_daemon_are_removed(
        self, store: WorkerStore, config: Config
    ) -> None:
        tight = build_governor(store, config.governor, DiskRule(100, lambda: 1.0), now=lambda: NOW)
        assert not tight.allows(job_running=False)
        assert build_governor(store, config.governor, DiskRule(0, lambda: 1.0)).allows(
            job_running=False
        )
        assert store.holds() == []

    def test_old_reading_is_ignored(self, store: WorkerStore, config: Config) -> None:
        old = replace(warm_reading(NOW - MAX_READING_AGE_S - 1, 98), memory_available_mb=1.0)
        disk = DiskRule(0, lambda: 1.0)
        governor = build_governor(
            store, config.governor, disk, read_telemetry=lambda: old, now=lambda: NOW
        )
        assert governor.allows(job_running=False)

    def test_settings_are_passed_to_the_rules(self, store: WorkerStore, tmp_path: Path) -> None:
        file = tmp_path / "device.yaml"
        file.write_text(
            'root: .\ngovernor: {quiet_hours: ["00:00-00:00"], min_start_memory_mb: 5000}\n'
        )
        disk = DiskRule(0, lambda: 1.0)
        reading = replace(COOL, at=NOW)
        governor = build_governor(
            store, load_config(file).governor, disk, read_telemetry=lambda: reading, now=lambda: NOW
        )
        assert not governor.allows(job_running=False)
        assert sorted(hold.code for hold in store.holds()) == ["low_memory", "quiet_hours"]


class TestNewestReading:
    def test_latest_reading_of_the_sampler_is_returned(self, config: Config) -> None:
        with TelemetryStore(telemetry_path(config.root)) as history:
            history.add(warm_reading(NOW, 55))
        reading = newest_reading_source(config.root)()
        assert reading is not None and reading.temperatures_c["cpu"] == 55

    def test_missing_telemetry_yields_none(self, config: Config) -> None:
        assert newest_reading_source(config.root)() is None
        config.root.joinpath("file").touch()
        assert newest_reading_source(config.root / "file")() is None


class TestExpectedDiskSpace:
    def test_estimate_grows_with_duration_and_quality(
        self, hd: PresenterInfo, config: Config
    ) -> None:
        hour = expected_disk_mb(hd, 1, 3600, config.video, config.audio)
        assert hour == pytest.approx(60 * expected_disk_mb(hd, 1, 60, config.video, config.audio))
        finer = config.model_copy(update={"video": config.video.model_copy(update={"crf": 12})})
        assert expected_disk_mb(hd, 1, 3600, finer.video, finer.audio) > 1.5 * hour
        assert 500 < hour < 20_000
