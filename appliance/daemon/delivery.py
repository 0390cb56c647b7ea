"""Publishes a finished video in the outbox: atomically, once, and without replacing a file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from appliance.files.atomic import (
    commit,
    fsync_file,
    fsync_folder,
    temp_path,
    translate_write_errors,
    write_text,
)
from appliance.files.names import SIDECAR_SUFFIXES, numbered, safe_stem
from appliance.jobs.models import Job
from appliance.jobs.worker_store import WorkerStore
from appliance.system.regular_file import is_regular, open_regular, read_regular

_LINK_UNSUPPORTED = {
    errno.EXDEV,
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EMLINK,
    errno.ENOSYS,
}

_BLOCK_BYTES = 1 << 24  # bytes between two heartbeats; a slow USB drive takes seconds to write them

_MAX_REPORT_BYTES = 8 << 20

HeartbeatCallback = Callable[[], None]


def deliver(
    store: WorkerStore,
    job: Job,
    video: Path,
    report: dict[str, Any],
    outbox: Path,
    heartbeat: HeartbeatCallback = lambda: None,
) -> Path:
    """Publish ``video``, its sidecars and its report in ``outbox``; return the video there.

    The files are named after the job; a name that is in use gets a number: ``lesson (2).mp4``. If
    an earlier call was interrupted after the video was published, it is not published again.
    ``heartbeat`` is called regularly meanwhile. Raises ``Fault``: ``disk_full``, ``file_too_large``
    or ``encoder_failed``.
    """
    job = store.get(job.id)
    with translate_write_errors(outbox / f"{safe_stem(job.stem)}.mp4"):
        outbox.mkdir(parents=True, exist_ok=True)
        if job.output is None or not _is_copy(job.output, video, heartbeat):
            _publish_new(store, job, video, outbox, heartbeat)
            job = store.get(job.id)
        assert job.output is not None and job.report is not None
        for suffix in SIDECAR_SUFFIXES:
            source, target = video.with_suffix(suffix), job.output.with_suffix(suffix)
            if is_regular(source):
                _copy(source, temp_path(target), heartbeat)
                commit(target)
                store.files.add_result(job.id, target)
        report["output"]["path"] = str(job.output)
        text = json.dumps(report, indent=2, ensure_ascii=True) + "\n"
        write_text(job.report, text)
    for path in (job.output, job.report):
        store.files.add_result(job.id, path)
    return job.output


def withdraw(store: WorkerStore, job: Job, video: Path) -> None:
    """Remove what an interrupted delivery has published of a job that ended without being done.

    Such a job was cancelled at the last moment, or failed because the daemon was killed again and
    again. Only files are removed that are the same as ``video``, its sidecars and the report. An
    interrupted call may be repeated. Raises ``OSError``.
    """
    if job.output is None or job.report is None:
        return
    is_placeholder = is_regular(job.output) and not job.output.lstat().st_size
    if not is_placeholder and not _is_copy(job.output, video, lambda: None):
        return
    published = [job.output]  # last: the others are recognised by it
    if _is_report_of(job.report, job.output):
        published.insert(0, job.report)
    for suffix in SIDECAR_SUFFIXES:
        sidecar = job.output.with_suffix(suffix)
        if _is_copy(sidecar, video.with_suffix(suffix), lambda: None):
            published.insert(0, sidecar)
    for path in published:
        path.unlink()
        store.files.remove(path)
    fsync_folder(job.output.parent)


def _is_report_of(report: Path, output: Path) -> bool:
    try:
        return bool(
            json.loads(read_regular(report, _MAX_REPORT_BYTES))["output"]["path"] == str(output)
        )
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _publish_new(
    store: WorkerStore, job: Job, video: Path, outbox: Path, heartbeat: HeartbeatCallback
) -> None:
    if job.output is not None and is_regular(job.output) and not job.output.lstat().st_size:
        job.output.unlink()  # the placeholder of an earlier call that was interrupted
    for output, report in _candidate_names(outbox, safe_stem(job.stem)):
        sidecars = (output.with_suffix(suffix) for suffix in SIDECAR_SUFFIXES)
        if any(os.path.lexists(path) for path in (output, report, *sidecars)):
            continue
        store.set_output_paths(job.id, output, report)
        with contextlib.suppress(FileExistsError):  # created meanwhile: try the next number
            link_or_copy(video, output, heartbeat)
            return


def _candidate_names(outbox: Path, stem: str) -> Iterator[tuple[Path, Path]]:
    for number in count(1):
        name = numbered(stem, number)
        yield outbox / f"{name}.mp4", outbox / f"{name}.report.json"


def link_or_copy(source: Path, target: Path, heartbeat: HeartbeatCallback = lambda: None) -> None:
    """Create ``target``, which must not exist, as a link or copy of ``source``, flushed to disk.

    ``target`` appears complete. ``heartbeat`` is called regularly while the file is copied. Raises
    ``FileExistsError``, and other ``OSError``.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _LINK_UNSUPPORTED:
            raise
        _copy_to_target(source, target, heartbeat)
    fsync_folder(target.parent)


def _copy_to_target(source: Path, target: Path, heartbeat: HeartbeatCallback) -> None:
    """Copy the file, between different file systems or on one without hard links."""
    part = temp_path(target)
    try:
        _copy(source, part, heartbeat)
        fsync_file(part)
        try:
            os.link(part, target)
        except OSError as error:
            if error.errno not in _LINK_UNSUPPORTED:
                raise
            # FAT and some shares have no hard links: reserve the name with an empty file first.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, target: Path, heartbeat: HeartbeatCallback) -> None:
    with open_regular(source) as source_file, _create(target) as target_file:
        for block in _read_blocks(source_file, heartbeat):
            target_file.write(block)
            target_file.flush()
            # Syncing each block spreads the time for writing, so that heartbeats continue.
            os.fdatasync(target_file.fileno())


def _create(path: Path) -> BinaryIO:
    """Open the new file ``path`` for writing, in the place of anything of that name.

    What a user has put there, such as a link or a named pipe, is removed, not written to.
    """
    path.unlink(missing_ok=True)
    return path.open("xb")


def _is_copy(published: Path, video: Path, heartbeat: HeartbeatCallback) -> bool:
    """Return whether ``published`` is a link to or a copy of ``video``."""
    try:
        with open_regular(published) as one, open_regular(video) as other:
            statuses = [os.fstat(file.fileno()) for file in (one, other)]
            if os.path.samestat(*statuses):
                return True
            if statuses[0].st_size != statuses[1].st_size:
                return False
            return all(one.read(_BLOCK_BYTES) == block for block in _read_blocks(other, heartbeat))
    except OSError:
        return False


def _read_blocks(file: BinaryIO, heartbeat: HeartbeatCallback) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        yield block
        heartbeat()
