from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from appliance.telemetry.store import TelemetryStore, telemetry_path
from tests.telemetry.readings import reading


def times(store: TelemetryStore, since: float, points: int) -> list[float]:
    return [each.at for each in store.since(since, points)]


def test_reading_is_visible_to_another_connection(tmp_path: Path) -> None:
    path = telemetry_path(tmp_path)
    with TelemetryStore(path) as daemon, TelemetryStore(path) as panel:
        assert panel.latest() is None and panel.since(0) == []
        daemon.add(reading(1.0))
        daemon.add(reading(2.0, cpu_load=0.9))
        assert panel.latest() == reading(2.0, cpu_load=0.9)
        assert times(panel, 0, 10) == [1.0, 2.0]
        assert times(panel, 1.5, 10) == [2.0]


def test_throttled_spans_are_found(tmp_path: Path) -> None:
    with TelemetryStore(tmp_path / "t.sqlite3") as store:
        throttled, counts = {2, 3, 7}, [0, 0, 0, 0, 0, 2, 2, 2, 0, 1]  # a new daemon counts from 0
        for at, count in enumerate(counts):
            store.add(reading(float(at), throttled=at in throttled, throttle_events=count))
        assert store.throttled_spans(0) == [(2.0, 3.0), (5.0, 5.0), (7.0, 7.0), (9.0, 9.0)]
        assert store.throttled_spans(6) == [(7.0, 7.0), (9.0, 9.0)]
        assert store.throttled_spans(100) == []


def test_number_of_readings_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite3"
    with TelemetryStore(path, max_readings=100) as store:
        for at in range(250):
            store.add(reading(at))
        assert times(store, 0, 1000) == list(range(150, 250))
        size = path.stat().st_size
        for at in range(250, 2000):
            store.add(reading(at))
        assert path.stat().st_size <= 1.5 * size


@pytest.mark.parametrize("points", [1, 2, 7, 30, 99])
def test_readings_are_thinned_evenly_and_include_the_newest(tmp_path: Path, points: int) -> None:
    with TelemetryStore(tmp_path / "t.sqlite3") as store:
        for at in range(100):
            store.add(reading(at))
        found = times(store, 0, points)
    assert 1 <= len(found) <= points and found[-1] == 99
    steps = {b - a for a, b in pairwise(found)}
    assert steps <= {-(-100 // points)}


def test_zero_points_return_no_readings(tmp_path: Path) -> None:
    with TelemetryStore(tmp_path / "t.sqlite3") as store:
        store.add(reading(1))
        assert store.since(0, 0) == []


def test_damaged_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with TelemetryStore(path) as store:
        store.add(reading(3))
        assert store.latest() == reading(3)


@pytest.mark.parametrize("version", [0, 99])
def test_a_file_of_another_version_is_replaced(tmp_path: Path, version: int) -> None:
    path = tmp_path / "t.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE readings (at REAL)")
        other.execute(f"PRAGMA user_version = {version}")
    with TelemetryStore(path) as store:
        store.add(reading(3))
        assert store.latest() == reading(3)


def test_damage_found_later_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite3"
    with TelemetryStore(path) as store:
        for at in range(500):
            store.add(reading(at))
    with path.open("r+b") as file:  # the header stays valid, as after a power cut
        file.seek(8192)
        file.write(b"\xff" * (path.stat().st_size - 8192))
    with TelemetryStore(path) as store:
        store.add(reading(1000))
        assert store.latest() == reading(1000)


def test_folder_at_the_path_is_an_error_and_kept(tmp_path: Path) -> None:
    (tmp_path / "t.sqlite3").mkdir()
    with pytest.raises(sqlite3.OperationalError):
        TelemetryStore(tmp_path / "t.sqlite3")
    assert (tmp_path / "t.sqlite3").is_dir()


def test_store_can_be_used_from_several_threads(tmp_path: Path) -> None:
    with TelemetryStore(tmp_path / "t.sqlite3") as store:

        def add() -> None:
            for at in range(50):
                store.add(reading(at))

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.since(0, 1000)) == 200
