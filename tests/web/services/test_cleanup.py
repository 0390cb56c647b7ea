"""What the panel deletes at its start, and what it keeps."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.backup import QUEUE, RESTORATION_SHOWN_S, DatabaseBackups
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.worker_store import WorkerStore
from tests.web.conftest import Clock
from web.context import job_files_folder, uploads_folder
from web.services.cleanup import clean_at_start, remove_stale_job_files, start_cleanup
from web.uploads.models import Limits
from web.uploads.store import UploadStore


def material(config: Config, number: int) -> tuple[Path, Path]:
    """Create the files of a job as the New video page does."""
    folder = job_files_folder(config.root) / f"{number:032x}"
    files = folder / "presenter" / "wang.mp4", folder / "lecture" / "cells.wav"
    for path in files:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    return files


def job_of(store: WorkerStore, files: tuple[Path, Path], name: str = "Cells") -> int:
    return store.add(NewJob(name, *files, owner="teacher", claims=files)).id


def test_only_files_without_a_job_are_deleted(store: WorkerStore, config: Config) -> None:
    orphan, queued, failed = (material(config, number) for number in range(3))
    job_of(store, queued)
    number = job_of(store, failed, "Genes")
    store.set_priority(number, 9)
    assert store.claim()
    store.fail(number, Reason("face_missing", {}))
    foreign = job_files_folder(config.root) / "keep me"
    foreign.mkdir()
    assert remove_stale_job_files(store, job_files_folder(config.root)) == [orphan[0].parent.parent]
    assert not orphan[0].exists()
    assert all(path.exists() for path in (*queued, *failed, foreign))
    assert remove_stale_job_files(store, job_files_folder(config.root)) == []


def test_file_being_moved_is_kept(store: WorkerStore, config: Config) -> None:
    files = material(config, 1)
    number = job_of(store, files)
    assert store.claim()
    store.finish(number)
    store.files.begin_move(files[0], config.root / "inbox" / "done" / "wang.mp4")
    assert remove_stale_job_files(store, job_files_folder(config.root)) == []
    assert files[0].exists()


def test_files_of_jobs_that_a_restored_queue_lacks_are_kept(
    store: WorkerStore, config: Config
) -> None:
    state = config.root / "state"
    backups = DatabaseBackups(state, QUEUE)
    backup = backups.create()
    assert backup is not None
    lost, old = material(config, 1), material(config, 2)
    job_of(store, lost)
    backups.restore(backup, "test")
    clean_at_start(config)
    assert lost[0].exists() and old[0].exists()
    os.utime(state / "backups" / "restored.json", (0, time.time() - RESTORATION_SHOWN_S - 60))
    clean_at_start(config)
    assert not lost[0].exists()


def test_missing_folder_is_ignored(store: WorkerStore, tmp_path: Path) -> None:
    assert remove_stale_job_files(store, tmp_path / "none") == []


def test_cleanup_runs_at_start(
    store: WorkerStore, config: Config, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    orphan, kept = material(config, 1), material(config, 2)
    job_of(store, kept)
    limits = Limits.from_config(config)
    with UploadStore(uploads_folder(config.root), limits, now=clock) as uploads:
        old = uploads.create("teacher", "old.mp4", 5)
        clock.time += limits.keep_s + 1
        new = uploads.create("teacher", "new.mp4", 5)
    caplog.set_level("INFO")
    closing = threading.Event()
    thread = start_cleanup(config, clock, closing)
    try:
        until = time.monotonic() + 30
        while "'old.mp4'" not in caplog.text and time.monotonic() < until:
            os.sched_yield()
    finally:
        closing.set()
        thread.join(10)
    assert not thread.is_alive()
    assert (orphan[0].exists(), kept[0].exists()) == (False, True)
    with UploadStore(uploads_folder(config.root), limits, now=clock) as uploads:
        assert [upload.id for upload in uploads.list_for("teacher")] == [new.id]
        assert old.id != new.id


def test_unreadable_queue_does_not_prevent_the_start(
    config: Config, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path = config.root / "state" / "lectern.sqlite3"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    closing = threading.Event()
    closing.set()
    start_cleanup(config, clock, closing).join(10)
    assert "the job files cannot be cleaned up" in caplog.text
