"""Moving what a job was made from out of the inbox, with the reason where it failed."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from appliance.jobs.record import Job, OwnedFile, shown
from appliance.jobs.states import State
from appliance.jobs.store import JobStore
from appliance.media.publish import part_of, publish
from appliance.outbox import fitting

_REASON = ".reason.txt"


def put_away(store: JobStore, job: Job, inbox: Path) -> None:
    """Move the files of an ended job to ``inbox/done`` or ``inbox/failed`` and settle it.

    A job that did not succeed leaves ``<stem>.reason.txt`` beside its files, in both languages;
    it goes when a later attempt succeeds. Files that were not in the inbox stay where they are.
    May be cut off anywhere and called again. Raises ``OSError`` while a file cannot be moved.
    """
    folder = inbox / ("done" if job.state is State.DONE else "failed")
    for file in _owned(store, job):
        if file.path.parent != folder or file.target is not None:
            _move(store, file, folder)
    if job.state is State.DONE:
        _remove_reasons(store, job)
    elif job.reason is not None and _owned(store, job):
        _write_reason(store, store.get(job.id), folder)
    store.settle(job.id)


def _owned(store: JobStore, job: Job) -> list[OwnedFile]:
    return [file for file in store.files.of(job.id) if file.role != "result"]


def _move(store: JobStore, file: OwnedFile, folder: Path) -> None:
    if not os.path.lexists(file.path):
        if file.target is not None and os.path.lexists(file.target):
            store.files.moved(file.path, file.target)  # cut off after the rename
        else:
            store.files.forget(file.path)  # somebody took it away
        return
    folder.mkdir(parents=True, exist_ok=True)
    target = _free_name(folder, file.path.name)
    store.files.moving(file.path, target)
    os.rename(file.path, target)
    store.files.moved(file.path, target)


def _free_name(folder: Path, name: str) -> Path:
    path = Path(name)
    for number in count(1):
        free = folder / (name if number == 1 else f"{fitting(path.stem)} ({number}){path.suffix}")
        if not os.path.lexists(free):
            return free
    raise AssertionError("count ends")


def _write_reason(store: JobStore, job: Job, folder: Path) -> None:
    assert job.reason is not None
    kept = next((p for p in (job.lecture, job.presenter) if p and p.parent == folder), None)
    path = folder / f"{fitting(kept.stem if kept else job.stem)}{_REASON}"
    english, chinese = job.reason.text("en"), job.reason.text("zh")
    text = f"{shown(job.stem)}\n\n{english}\n\n{chinese}\n\n({job.reason.code}, {job.id})\n"
    folder.mkdir(parents=True, exist_ok=True)
    part_of(path).write_text(text, encoding="utf-8")
    publish(path)
    store.files.add_result(job.id, path)


def _remove_reasons(store: JobStore, job: Job) -> None:
    for file in store.files.of(job.id):
        if file.role == "result" and file.path.name.endswith(_REASON):
            file.path.unlink(missing_ok=True)
            store.files.forget(file.path)
