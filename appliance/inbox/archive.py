"""Archives the source files of ended jobs, with a file that contains the reason of a failure."""

from __future__ import annotations

import contextlib
import errno
import os
from itertools import count
from pathlib import Path

from appliance.files.atomic import write_text
from appliance.files.mounts import MOUNTINFO
from appliance.files.names import is_os_metadata, numbered, safe_stem
from appliance.inbox.job_file import is_job_file, read_job_file
from appliance.inbox.mount_guard import MountGuard, path_exists
from appliance.jobs.models import Job, OwnedFile, Reason, display_name
from appliance.jobs.states import JobState
from appliance.jobs.worker_store import WorkerStore

_REASON_SUFFIX = ".reason.txt"


def archive_sources(store: WorkerStore, job: Job, inbox: Path, mounts: Path = MOUNTINFO) -> None:
    """Move the source files of an ended job to ``inbox/done`` or ``inbox/failed``.

    Files of a dropped folder are moved to a folder of the same name there. A file that other jobs
    still use stays until these have ended; until then the job is not marked as archived. For a job
    that failed or was cancelled, ``<stem>.reason.txt`` is written beside its files, in both
    languages; it is deleted when a retry succeeds. Files that were not in the inbox are not moved.
    An interrupted call may be repeated. Raises ``OSError`` if a file cannot be moved, and while the
    share that holds the files is not mounted.
    """
    if _source_files(store, job) and MountGuard(inbox.parent, mounts).is_unmounted():
        raise OSError(errno.ESTALE, "another disk is mounted", str(inbox))
    archive_folder = inbox / ("done" if job.state is JobState.DONE else "failed")
    postponed = False
    dropped_names: set[str] = set()
    for file in _source_files(store, job):
        dropped_names.add(dropped_folder_name(file.path, inbox))
        folder = archive_folder / dropped_folder_name(file.path, inbox)
        if file.path.parent != folder or file.target is not None:
            if store.files.is_used_by_other_job(file.path, job.id):
                postponed = True
                continue
            _move(store, file, folder)
    if job.state is JobState.DONE:
        _remove_reason_files(store, job)
    elif job.reason is not None and _source_files(store, job):
        _write_reason_file(store, store.get(job.id), archive_folder, inbox)
    for name in dropped_names - {""}:
        for parent in (inbox, inbox / "done", inbox / "failed"):
            _remove_empty_folders(parent / name)
    if not postponed:
        store.mark_archived(job.id)


def dropped_folder_name(path: Path, inbox: Path) -> str:
    """Return the name of the dropped folder of ``path``, before or after archiving.

    Returns an empty string for a file that is not in a dropped folder.
    """
    for parent in (inbox / "done", inbox / "failed", inbox):
        if path.parent == parent:
            return ""
        if path.parent.parent == parent:
            return path.parent.name
    return ""


def _remove_empty_folders(folder: Path) -> None:
    """Delete a dropped folder that is empty or contains only metadata of operating systems."""
    with contextlib.suppress(OSError):  # already deleted, or no longer empty
        remaining = list(folder.iterdir())
        if all(is_os_metadata(path.name) and path.is_file() for path in remaining):
            for path in remaining:
                path.unlink()
            folder.rmdir()


def _source_files(store: WorkerStore, job: Job) -> list[OwnedFile]:
    return [file for file in store.files.for_job(job.id) if file.role != "result"]


def _move(store: WorkerStore, file: OwnedFile, folder: Path) -> None:
    if not path_exists(file.path):
        if file.target is not None and path_exists(file.target):
            store.files.finish_move(file.path, file.target)  # interrupted after the rename
        else:
            store.files.remove(file.path)  # removed by a user
        return
    _make_folder(folder)
    target = _unused_path(folder, file.path.name)
    store.files.begin_move(file.path, target)
    os.rename(file.path, target)
    store.files.finish_move(file.path, target)


def _make_folder(folder: Path) -> None:
    """Create a folder of the archive. Raises ``OSError`` if a link has taken its place."""
    parent = [folder.parent] if folder.parent.name in ("done", "failed") else []
    for path in (*parent, folder):
        if path.is_symlink():
            raise NotADirectoryError(errno.ENOTDIR, "a link instead of a folder", str(path))
    folder.mkdir(parents=True, exist_ok=True)


def _unused_path(folder: Path, name: str) -> Path:
    path = Path(name)
    for number in count(1):
        numbered_name = f"{numbered(safe_stem(path.stem), number)}{path.suffix}"
        target = folder / (name if number == 1 else numbered_name)
        if not os.path.lexists(target):
            return target
    raise AssertionError("count ends")


def _write_reason_file(store: WorkerStore, job: Job, archive_folder: Path, inbox: Path) -> None:
    assert job.reason is not None
    archived_folders = {
        file.path: archive_folder / dropped_folder_name(file.path, inbox)
        for file in _source_files(store, job)
    }
    parts = (job.lecture, job.presenter, *archived_folders)
    anchor = next((p for p in parts if p and p.parent == archived_folders.get(p)), None)
    folder = anchor.parent if anchor else archive_folder
    path = folder / f"{safe_stem(anchor.stem if anchor else job.stem)}{_REASON_SUFFIX}"
    reasons = [job.reason]
    if anchor is not None and is_job_file(anchor):  # list all problems, to be corrected at once
        reasons = [
            Reason.from_error(problem.error) for problem in read_job_file(anchor)[1]
        ] or reasons
    lines = [display_name(job.stem), *(reason.text("en") for reason in reasons)]
    lines += [*(reason.text("zh") for reason in reasons), f"({job.reason.code}, {job.id})"]
    _make_folder(folder)
    write_text(path, "\n\n".join(lines) + "\n")
    store.files.add_result(job.id, path)


def _remove_reason_files(store: WorkerStore, job: Job) -> None:
    for file in store.files.for_job(job.id):
        if file.role == "result" and file.path.name.endswith(_REASON_SUFFIX):
            file.path.unlink(missing_ok=True)
            store.files.remove(file.path)
