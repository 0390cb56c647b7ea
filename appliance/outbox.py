"""Putting a finished video where people take it: whole, once, and over nothing."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import json
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from appliance.jobs.record import Job
from appliance.jobs.store import JobStore
from appliance.media.publish import part_of, publish, write_faults

MAX_STEM_BYTES = 200
"""Of the 255 that a file name may have; the rest is for numbers, endings and ``.….part``."""

_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def fitting(stem: str) -> str:
    """``stem`` cut so that a file name made of it is not too long; no character is cut in two."""
    raw = os.fsencode(stem.replace("/", "_") or "lecture")
    if len(raw) <= MAX_STEM_BYTES:
        return os.fsdecode(raw)
    return raw[:MAX_STEM_BYTES].decode("utf-8", "ignore").rstrip()


def deliver(store: JobStore, job: Job, video: Path, report: dict[str, Any], outbox: Path) -> Path:
    """Publish ``video`` and its report in ``outbox``, named after the job; gives the video there.

    A name that is taken gets a number: ``lesson (2).mp4``. When an earlier call was cut off after
    the video appeared, it does not appear again. Raises ``Fault``: ``disk_full`` or
    ``encoder_failed``.
    """
    job = store.get(job.id)
    with write_faults(outbox / f"{fitting(job.stem)}.mp4"):
        outbox.mkdir(parents=True, exist_ok=True)
        if job.output is None or not _is_copy(job.output, video):
            _publish_new(store, job, video, outbox)
            job = store.get(job.id)
        assert job.output is not None and job.report is not None
        report["output"]["path"] = str(job.output)
        text = json.dumps(report, indent=2, ensure_ascii=True) + "\n"
        part_of(job.report).write_text(text, encoding="utf-8")
        publish(job.report)
    for path in (job.output, job.report):
        store.files.add_result(job.id, path)
    return job.output


def _publish_new(store: JobStore, job: Job, video: Path, outbox: Path) -> None:
    for output, report in _names(outbox, fitting(job.stem)):
        if os.path.lexists(output) or os.path.lexists(report):
            continue
        store.name_result(job.id, output, report)
        with contextlib.suppress(FileExistsError):  # somebody was faster: the next number
            place(video, output)
            return


def _names(outbox: Path, stem: str) -> Iterator[tuple[Path, Path]]:
    for number in count(1):
        name = stem if number == 1 else f"{stem} ({number})"
        yield outbox / f"{name}.mp4", outbox / f"{name}.report.json"


def place(source: Path, target: Path) -> None:
    """Let ``target``, which must not exist, appear as the whole of ``source``, on the disk.

    Raises ``FileExistsError``, and other ``OSError``.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _place_copy(source, target)
    _sync(target.parent)


def _place_copy(source: Path, target: Path) -> None:
    """The same where the two lie on different file systems, or on one without hard links."""
    part = part_of(target)
    try:
        shutil.copyfile(source, part)
        _sync(part)
        try:
            os.link(part, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # FAT and some shares have no links: take the name first, so that nobody else can.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _is_copy(there: Path, video: Path) -> bool:
    """Whether ``video`` was published as ``there``, by a link or a copy."""
    try:
        return there.samefile(video) or filecmp.cmp(there, video, shallow=False)
    except OSError:
        return False


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
