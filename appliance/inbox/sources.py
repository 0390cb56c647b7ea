"""Archives the source files of ended jobs, with a file that contains the reason of a failure."""

from __future__ import annotations

import contextlib
import errno
import os
from itertools import count
from pathlib import Path

from appliance.inbox.jobfile import is_job_file, read_job_file
from appliance.inbox.mounts import MOUNTS
from appliance.inbox.names import is_litter
from appliance.inbox.place import Presence, lies_at
from appliance.jobs.record import Job, OwnedFile, Reason, shown
from appliance.jobs.states import State
from appliance.jobs.store import JobStore
from appliance.media.publish import part_of, publish
from appliance.outbox import fitting

_REASON = ".reason.txt"


def put_away(store: JobStore, job: Job, inbox: Path, mounts: Path = MOUNTS) -> None:
    """Move the source files of an ended job to ``inbox/done`` or ``inbox/failed``.

    Files of a dropped folder are moved to a folder of the same name there. A file that other jobs
    still use stays until these have ended; until then the job is not marked as archived. For a job
    that failed or was cancelled, ``<stem>.reason.txt`` is written beside its files, in both
    languages; it is deleted when a retry succeeds. Files that were not in the inbox are not moved.
    An interrupted call may be repeated. Raises ``OSError`` if a file cannot be moved, and while the
    share that holds the files is not mounted.
    """
    if _owned(store, job) and Presence(inbox.parent, mounts).is_away():
        raise OSError(errno.ESTALE, "another disk is mounted", str(inbox))
    verdict = inbox / ("done" if job.state is State.DONE else "failed")
    held = False
    drops: set[str] = set()
    for file in _owned(store, job):
        drops.add(_drop(file.path, inbox))
        folder = verdict / _drop(file.path, inbox)
        if file.path.parent != folder or file.target is not None:
            if store.files.needed(file.path, job.id):
                held = True
                continue
            _move(store, file, folder)
    if job.state is State.DONE:
        _remove_reasons(store, job)
    elif job.reason is not None and _owned(store, job):
        _write_reason(store, store.get(job.id), verdict, inbox)
    for name in drops - {""}:
        for place in (inbox, inbox / "done", inbox / "failed"):
            _tidy(place / name)
    if not held:
        store.settle(job.id)


def _drop(path: Path, inbox: Path) -> str:
    """Return the name of the dropped folder of ``path``, before or after archiving.

    Returns an empty string for a file that is not in a dropped folder.
    """
    for place in (inbox / "done", inbox / "failed", inbox):
        if path.parent == place:
            return ""
        if path.parent.parent == place:
            return path.parent.name
    return ""


def _tidy(folder: Path) -> None:
    """Delete a dropped folder that is empty or contains only metadata of operating systems."""
    with contextlib.suppress(OSError):  # already deleted, or no longer empty
        left = list(folder.iterdir())
        if all(is_litter(path.name) and path.is_file() for path in left):
            for path in left:
                path.unlink()
            folder.rmdir()


def _owned(store: JobStore, job: Job) -> list[OwnedFile]:
    return [file for file in store.files.of(job.id) if file.role != "result"]


def _move(store: JobStore, file: OwnedFile, folder: Path) -> None:
    if not lies_at(file.path):
        if file.target is not None and lies_at(file.target):
            store.files.moved(file.path, file.target)  # interrupted after the rename
        else:
            store.files.forget(file.path)  # removed by a user
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


def _write_reason(store: JobStore, job: Job, verdict: Path, inbox: Path) -> None:
    assert job.reason is not None
    places = {file.path: verdict / _drop(file.path, inbox) for file in _owned(store, job)}
    parts = (job.lecture, job.presenter, *places)
    kept = next((p for p in parts if p and p.parent == places.get(p)), None)
    folder = kept.parent if kept else verdict
    path = folder / f"{fitting(kept.stem if kept else job.stem)}{_REASON}"
    reasons = [job.reason]
    if kept is not None and is_job_file(kept):  # list all problems, to be corrected at once
        reasons = [Reason.of(each.error) for each in read_job_file(kept)[1]] or reasons
    lines = [shown(job.stem), *(reason.text("en") for reason in reasons)]
    lines += [*(reason.text("zh") for reason in reasons), f"({job.reason.code}, {job.id})"]
    folder.mkdir(parents=True, exist_ok=True)
    part_of(path).write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    publish(path)
    store.files.add_result(job.id, path)


def _remove_reasons(store: JobStore, job: Job) -> None:
    for file in store.files.of(job.id):
        if file.role == "result" and file.path.name.endswith(_REASON):
            file.path.unlink(missing_ok=True)
            store.files.forget(file.path)
