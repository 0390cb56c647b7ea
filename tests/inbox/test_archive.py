"""Tests of archiving the files of ended jobs, with the reason of a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.inbox.archive import archive_sources
from appliance.jobs.models import NewJob, Reason
from appliance.jobs.worker_store import WorkerStore

REASON = Reason("no_face", {"name": "wang.mp4"})


@pytest.fixture
def store(tmp_path: Path) -> WorkerStore:
    return WorkerStore(tmp_path / "lectern.sqlite3")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def start_job(store: WorkerStore, inbox: Path, *names: str) -> int:
    """Start a job with files in the inbox: the first is the presenter, the last the lecture."""
    paths = [inbox / name for name in names]
    for path in paths:
        path.write_text(path.name)
    new = NewJob(paths[-1].stem, paths[0], paths[-1], claims=tuple(paths))
    job = store.add(new).id
    store.claim()
    return job


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_files_of_a_successful_job_move_to_done(store: WorkerStore, inbox: Path) -> None:
    job = start_job(store, inbox, "lesson.mp4", "lesson.wav")
    store.finish(job)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["done/lesson.mp4", "done/lesson.wav"]
    assert store.unarchived() == []


def test_files_of_a_failed_job_move_to_failed_with_the_reason_in_both_languages(
    store: WorkerStore, inbox: Path
) -> None:
    job = start_job(store, inbox, "lesson.mp4", "lesson.wav")
    store.fail(job, REASON)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["failed/lesson.mp4", "failed/lesson.reason.txt", "failed/lesson.wav"]
    text = (inbox / "failed" / "lesson.reason.txt").read_text(encoding="utf-8")
    assert REASON.text("en") in text and REASON.text("zh") in text


def test_successful_retry_moves_all_files_to_done(store: WorkerStore, inbox: Path) -> None:
    job = start_job(store, inbox, "lesson.mp4", "lesson.wav")
    store.fail(job, Reason("processing_failed", {"reason": "x"}))
    archive_sources(store, store.get(job), inbox)
    store.retry(job)
    again = store.claim()
    assert again is not None and again.lecture == inbox / "failed" / "lesson.wav"
    store.finish(job)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["done/lesson.mp4", "done/lesson.wav"]


def test_name_in_use_gets_a_number(store: WorkerStore, inbox: Path) -> None:
    for _ in range(2):
        job = start_job(store, inbox, "lesson.wav")
        store.fail(job, REASON)
        archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == [
        "failed/lesson (2).reason.txt",
        "failed/lesson (2).wav",
        "failed/lesson.reason.txt",
        "failed/lesson.wav",
    ]


def test_files_outside_the_inbox_are_not_moved(
    store: WorkerStore, inbox: Path, tmp_path: Path
) -> None:
    lecture = tmp_path / "lecture.wav"
    lecture.touch()
    job = store.add(NewJob("lecture", Path("p.mp4"), lecture)).id
    store.claim()
    store.fail(job, REASON)
    archive_sources(store, store.get(job), inbox)
    assert lecture.exists() and tree(inbox) == []
    assert store.unarchived() == []


@pytest.mark.parametrize("after", ["moving", "rename"])
def test_archiving_may_be_interrupted_at_any_step(
    store: WorkerStore, inbox: Path, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_job(store, inbox, "lesson.mp4", "lesson.wav")
    store.finish(job)
    real = os.rename

    def interrupt(old: Path, new: Path) -> None:
        if after == "rename":
            real(old, new)
        raise KeyboardInterrupt

    for _ in range(2):  # once for each file
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(os, "rename", interrupt)
            archive_sources(store, store.get(job), inbox)
        if after == "moving":
            break
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["done/lesson.mp4", "done/lesson.wav"]
    assert store.get(job).lecture == inbox / "done" / "lesson.wav"


def test_removed_source_is_ignored(store: WorkerStore, inbox: Path) -> None:
    job = start_job(store, inbox, "lesson.mp4", "lesson.wav")
    (inbox / "lesson.wav").unlink()
    store.fail(job, REASON)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["failed/lesson.mp4", "failed/lesson.reason.txt"]
    assert store.unarchived() == []
