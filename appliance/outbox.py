"""Delivers a finished video to the outbox: complete, only once, and without replacing any file."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from appliance.jobs.record import Job
from appliance.jobs.store import JobStore
from appliance.media.publish import part_of, publish, sync_file, sync_folder, write_faults

MAX_STEM_BYTES = 200
"""Of the 255 bytes that a file name may have; the rest is for numbers, suffixes and ``.….part``."""

_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}

_BLOCK = 1 << 24  # bytes between two heartbeats; a slow USB drive takes seconds to write them

COMPANIONS = (".jpg", ".srt")
"""Suffixes of files next to a finished video that are delivered with it."""

# Not allowed in names on FAT and Windows, from which most outboxes are accessed.
_NOWHERE = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|\ud800-\udfff]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)

Beat = Callable[[], None]


def fitting(stem: str) -> str:
    """Return ``stem`` as a name that every file system accepts.

    Characters that some do not allow become ``_``. The name is shortened to ``MAX_STEM_BYTES``,
    without splitting a character.
    """
    name = _NOWHERE.sub("_", stem)
    cut = name.encode()[:MAX_STEM_BYTES].decode("utf-8", "ignore").rstrip(" .")
    name = cut.lstrip(" ") or "lecture"
    return f"_{name}" if _DEVICES.match(name) or name.startswith(".") else name


def deliver(
    store: JobStore,
    job: Job,
    video: Path,
    report: dict[str, Any],
    outbox: Path,
    beat: Beat = lambda: None,
) -> Path:
    """Publish ``video``, its companions and its report in ``outbox``; return the video there.

    The files are named after the job; a name that is in use gets a number: ``lesson (2).mp4``. If
    an earlier call was interrupted after the video was published, it is not published again.
    ``beat`` is called regularly meanwhile. Raises ``Fault``: ``disk_full``, ``file_too_large`` or
    ``encoder_failed``.
    """
    job = store.get(job.id)
    with write_faults(outbox / f"{fitting(job.stem)}.mp4"):
        outbox.mkdir(parents=True, exist_ok=True)
        if job.output is None or not _is_copy(job.output, video, beat):
            _publish_new(store, job, video, outbox, beat)
            job = store.get(job.id)
        assert job.output is not None and job.report is not None
        for suffix in COMPANIONS:
            source, target = video.with_suffix(suffix), job.output.with_suffix(suffix)
            if source.is_file():
                shutil.copyfile(source, part_of(target))
                publish(target)
                store.files.add_result(job.id, target)
        report["output"]["path"] = str(job.output)
        text = json.dumps(report, indent=2, ensure_ascii=True) + "\n"
        part_of(job.report).write_text(text, encoding="utf-8")
        publish(job.report)
    for path in (job.output, job.report):
        store.files.add_result(job.id, path)
    return job.output


def _publish_new(store: JobStore, job: Job, video: Path, outbox: Path, beat: Beat) -> None:
    if job.output is not None and job.output.is_file() and not job.output.stat().st_size:
        job.output.unlink()  # the placeholder of an earlier call that was interrupted
    for output, report in _names(outbox, fitting(job.stem)):
        companions = (output.with_suffix(suffix) for suffix in COMPANIONS)
        if any(os.path.lexists(path) for path in (output, report, *companions)):
            continue
        store.name_result(job.id, output, report)
        with contextlib.suppress(FileExistsError):  # created meanwhile: try the next number
            place(video, output, beat)
            return


def _names(outbox: Path, stem: str) -> Iterator[tuple[Path, Path]]:
    for number in count(1):
        name = stem if number == 1 else f"{stem} ({number})"
        yield outbox / f"{name}.mp4", outbox / f"{name}.report.json"


def place(source: Path, target: Path, beat: Beat = lambda: None) -> None:
    """Create ``target``, which must not exist, as a link or copy of ``source``, flushed to disk.

    ``target`` appears complete. ``beat`` is called regularly while the file is copied. Raises
    ``FileExistsError``, and other ``OSError``.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _place_copy(source, target, beat)
    sync_folder(target.parent)


def _place_copy(source: Path, target: Path, beat: Beat) -> None:
    """Copy the file, between different file systems or on one without hard links."""
    part = part_of(target)
    try:
        _copy(source, part, beat)
        sync_file(part)
        try:
            os.link(part, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # FAT and some shares have no hard links: reserve the name with an empty file first.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, target: Path, beat: Beat) -> None:
    with source.open("rb") as old, target.open("wb") as new:
        for block in _blocks(old, beat):
            new.write(block)
            new.flush()
            os.fdatasync(new.fileno())  # spreads the time for writing, so that heartbeats continue


def _is_copy(there: Path, video: Path, beat: Beat) -> bool:
    """Return whether ``there`` is a link to or a copy of ``video``."""
    try:
        if there.samefile(video):
            return True
        if there.stat().st_size != video.stat().st_size:
            return False
        with there.open("rb") as one, video.open("rb") as other:
            return all(one.read(_BLOCK) == block for block in _blocks(other, beat))
    except OSError:
        return False


def _blocks(file: BinaryIO, beat: Beat) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block
        beat()
