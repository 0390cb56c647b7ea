"""A job that can only fail again is not offered for another attempt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import BadInput
from appliance.jobs.models import Job, NewJob, Reason
from appliance.jobs.retry import can_retry
from appliance.jobs.states import JobState
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

NOW = 1_000_000.0


@pytest.fixture
def store(tmp_path: Path) -> WorkerStore:
    return WorkerStore(store_path(tmp_path), now=lambda: NOW)


def failed(store: WorkerStore, folder: Path, code: str) -> Job:
    """A job of two files, older than the failure, that failed for the reason ``code``."""
    paths = folder / "a.mp4", folder / "a.wav"
    for path in paths:
        path.write_bytes(b"x")
        os.utime(path, (NOW - 100, NOW - 100))
    job = store.add(NewJob("a", *paths))
    store.claim()
    store.fail(job.id, Reason(code, {"name": "a.mp4"}))
    return store.get(job.id)


@pytest.mark.parametrize("code", ["no_face", "audio_missing", "text_encoding_doubtful"])
def test_same_files_would_fail_again(store: WorkerStore, tmp_path: Path, code: str) -> None:
    job = failed(store, tmp_path, code)
    assert not can_retry(job)
    with pytest.raises(BadInput) as caught:
        store.retry(job.id)
    assert caught.value.code == "retry_useless"
    os.utime(tmp_path / "a.mp4", (NOW + 5, NOW + 5))  # another file of that name
    assert can_retry(job)
    store.retry(job.id)
    assert store.get(job.id).state is JobState.QUEUED


@pytest.mark.parametrize("code", ["voice_missing", "out_of_memory", "disk_full"])
def test_reasons_outside_of_the_files_may_have_changed(
    store: WorkerStore, tmp_path: Path, code: str
) -> None:
    assert can_retry(failed(store, tmp_path, code))


def test_removed_file_may_have_been_put_back(store: WorkerStore, tmp_path: Path) -> None:
    job = failed(store, tmp_path, "source_removed")
    (tmp_path / "a.wav").unlink()
    assert not can_retry(job)
    (tmp_path / "a.wav").write_bytes(b"x")
    assert can_retry(job)


def test_moving_a_file_is_no_change(store: WorkerStore, tmp_path: Path) -> None:
    job = failed(store, tmp_path, "no_face")
    (tmp_path / "a.mp4").rename(tmp_path / "b.mp4")
    (tmp_path / "b.mp4").rename(tmp_path / "a.mp4")
    assert not can_retry(job)
