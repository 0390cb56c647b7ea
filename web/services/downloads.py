"""Send files, and count a download only when its last byte has been sent.

A download that is interrupted does not count; one that resumes it and reaches the end does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from flask import Response

from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.models import Job
from appliance.jobs.store import JobStore

BLOCK_BYTES = 1 << 18
"""Number of bytes that are read and sent at a time."""


def file_blocks(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    """Yield the bytes ``start`` to ``stop`` (exclusive) of a file in blocks.

    Raises ``OSError`` if the file is shorter; the client then detects that the data is incomplete.
    """
    file.seek(start)
    left = stop - start
    while left:
        block = file.read(min(BLOCK_BYTES, left))
        if not block:
            raise OSError(f"{file.name} is shorter than it was")
        left -= len(block)
        yield block


def on_complete(response: Response, path: Path, on_complete: Callable[[], None]) -> Response:
    """Make the response of ``send_file`` for ``path`` call ``on_complete`` at its end.

    ``on_complete`` is called after the last byte of the file, also if the response is a range that
    ends there. Returns the response.
    """
    start, stop = 0, response.content_length or 0
    if response.status_code == 206:
        part = response.content_range
        start, stop = part.start or 0, part.stop or 0
        if stop != part.length:
            return response
    elif response.status_code != 200:
        return response

    def send() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from file_blocks(file, start, stop)
        on_complete()

    response.close()
    response.response = send()
    return response


MAX_BYTES = 1 << 20
_JPEG = b"\xff\xd8\xff"


def job_thumbnail(store: JobStore, root: Path, job: Job) -> bytes | None:
    """Return the thumbnail of ``job`` as JPEG, or ``None`` if there is none.

    It shows the finished video (from the cache of thumbnails if possible), otherwise the presenter:
    the image in the job's work folder, or the cached thumbnail.
    """
    kept = ThumbnailCache(root)
    small = kept.get(job.output) if job.output is not None else None
    results = [file.path for file in store.files.for_job(job.id) if file.role == "result"]
    candidates = [small] if small is not None else []
    candidates += [path for path in results if path.suffix == ".jpg"]
    candidates.append(work_thumbnail_path(root, job))
    if job.presenter is not None and (known := kept.get(job.presenter)) is not None:
        candidates.append(known)
    for path in candidates:
        try:
            if path.stat().st_size <= MAX_BYTES:
                data = path.read_bytes()
                if data.startswith(_JPEG):
                    return data
        except OSError:
            continue
    return None


def work_thumbnail_path(root: Path, job: Job) -> Path:
    """Return the path of the presenter's image that the worker stores while ``job`` is running."""
    return root / "state" / "work" / f"{job.id:06d}" / "presenter.jpg"
