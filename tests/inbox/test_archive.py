"""Where sources go when their job is over, and what is said beside them."""

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


def dropped(store: WorkerStore, inbox: Path, *names: str) -> int:
    """A running job of files in the inbox; the last is the lecture, the first the presenter."""
    paths = [inbox / name for name in names]
    for path in paths:
        path.write_text(path.name)
    new = NewJob(paths[-1].stem, paths[0], paths[-1], claims=tuple(paths))
    job = store.add(new).id
    store.claim()
    return job


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_success_goes_to_done(store: WorkerStore, inbox: Path) -> None:
    job = dropped(store, inbox, "lesson.mp4", "lesson.wav")
    store.finish(job)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["done/lesson.mp4", "done/lesson.wav"]
    assert store.unarchived() == []


def test_failure_goes_to_failed_with_its_reason_in_both_languages(
    store: WorkerStore, inbox: Path
) -> None:
    job = dropped(store, inbox, "lesson.mp4", "lesson.wav")
    store.fail(job, REASON)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["failed/lesson.mp4", "failed/lesson.reason.txt", "failed/lesson.wav"]
    text = (inbox / "failed" / "lesson.reason.txt").read_text(encoding="utf-8")
    assert REASON.text("en") in text and REASON.text("zh") in text


def test_a_retry_that_succeeds_takes_everything_to_done(store: WorkerStore, inbox: Path) -> None:
    job = dropped(store, inbox, "lesson.mp4", "lesson.wav")
    store.fail(job, REASON)
    archive_sources(store, store.get(job), inbox)
    store.retry(job)
    again = store.claim()
    assert again is not None and again.lecture == inbox / "failed" / "lesson.wav"
    store.finish(job)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["done/lesson.mp4", "done/lesson.wav"]


def test_the_same_name_again_gets_a_number(store: WorkerStore, inbox: Path) -> None:
    for _ in range(2):
        job = dropped(store, inbox, "lesson.wav")
        store.fail(job, REASON)
        archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == [
        "failed/lesson (2).reason.txt",
        "failed/lesson (2).wav",
        "failed/lesson.reason.txt",
        "failed/lesson.wav",
    ]


def test_files_that_nobody_dropped_stay_where_they_are(
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
def test_it_may_be_cut_off_between_any_two_steps(
    store: WorkerStore, inbox: Path, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = dropped(store, inbox, "lesson.mp4", "lesson.wav")
    store.finish(job)
    real = os.rename

    def cut(old: Path, new: Path) -> None:
        if after == "rename":
            real(old, new)
        raise KeyboardInterrupt

    for _ in range(2):  # once for each file
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(os, "rename", cut)
            archive_sources(store, store.get(job), inbox)
        if after == "moving":
            break
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["done/lesson.mp4", "done/lesson.wav"]
    assert store.get(job).lecture == inbox / "done" / "lesson.wav"


def test_a_source_that_somebody_took_away_is_no_hindrance(store: WorkerStore, inbox: Path) -> None:
    job = dropped(store, inbox, "lesson.mp4", "lesson.wav")
    (inbox / "lesson.wav").unlink()
    store.fail(job, REASON)
    archive_sources(store, store.get(job), inbox)
    assert tree(inbox) == ["failed/lesson.mp4", "failed/lesson.reason.txt"]
    assert store.unarchived() == []
