"""What the panel clears away, and what it must not."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.worker_store import WorkerStore
from tests.web.conftest import Clock
from web.context import job_files_folder, uploads_folder
from web.services.cleanup import remove_stale_job_files, start_cleanup
from web.uploads.models import Limits
from web.uploads.store import UploadStore


def material(config: Config, number: int) -> tuple[Path, Path]:
    """A job's own files, as the page New video makes them."""
    folder = job_files_folder(config.root) / f"{number:032x}"
    files = folder / "presenter" / "wang.mp4", folder / "lecture" / "cells.wav"
    for path in files:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    return files


def job_of(store: WorkerStore, files: tuple[Path, Path], name: str = "Cells") -> int:
    return store.add(NewJob(name, *files, owner="teacher", claims=files)).id


def test_what_no_job_was_made_of_goes_and_all_else_stays(
    store: WorkerStore, config: Config
) -> None:
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


def test_a_file_that_is_just_being_moved_stays(store: WorkerStore, config: Config) -> None:
    files = material(config, 1)
    number = job_of(store, files)
    assert store.claim()
    store.finish(number)
    store.files.begin_move(files[0], config.root / "inbox" / "done" / "wang.mp4")
    assert remove_stale_job_files(store, job_files_folder(config.root)) == []
    assert files[0].exists()


def test_without_any_material_nothing_happens(store: WorkerStore, tmp_path: Path) -> None:
    assert remove_stale_job_files(store, tmp_path / "none") == []


def test_a_panel_clears_away_when_it_starts(
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


def test_a_queue_that_cannot_be_read_does_not_keep_the_panel_down(
    config: Config, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path = config.root / "state" / "lectern.sqlite3"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    closing = threading.Event()
    closing.set()
    start_cleanup(config, clock, closing).join(10)
    assert "the job files cannot be cleaned up" in caplog.text
