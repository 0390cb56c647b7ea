"""The demo's result in the panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.daemon.demo_result import REPORT, VIDEO, add_demo_result
from appliance.daemon.service import single_instance_lock
from appliance.errors import Fault
from appliance.jobs.models import NewJob
from appliance.jobs.retention import delete_job
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path
from appliance.jobs.worker_store import WorkerStore


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / VIDEO).write_bytes(b"video")
    (folder / REPORT).write_text("{}")
    return folder


def test_waiting_jobs_keep_their_place(tmp_path: Path, demo: Path) -> None:
    with WorkerStore(store_path(tmp_path)) as store:
        waiting = store.add(NewJob("lesson", Path("/p.mp4"), Path("/a.wav"), priority=5)).id
        assert add_demo_result(tmp_path, demo)
        assert store.get(waiting).state is JobState.QUEUED
        (ended,) = store.jobs([JobState.DONE])
    assert ended.output is not None and ended.output.read_bytes() == b"video"
    assert ended.report is not None and ended.report.read_text() == "{}"


def test_deleted_result_does_not_return(tmp_path: Path, demo: Path) -> None:
    assert add_demo_result(tmp_path, demo)
    assert not add_demo_result(tmp_path, demo)
    with JobStore(store_path(tmp_path)) as store:
        (job,) = store.jobs()
        delete_job(store, job)
        assert not add_demo_result(tmp_path, demo)
        assert store.jobs() == []
    assert list((tmp_path / "outbox").iterdir()) == []


def test_nothing_happens_without_a_demo_or_beside_a_daemon(tmp_path: Path, demo: Path) -> None:
    assert not add_demo_result(tmp_path, tmp_path / "none")
    with single_instance_lock(tmp_path), pytest.raises(Fault, match="already_running"):
        add_demo_result(tmp_path, demo)
    assert not (tmp_path / "outbox").exists()
