"""Thumbnails of jobs: the finished video, or the presenter while there is no video."""

from __future__ import annotations

from pathlib import Path

from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.models import Job
from appliance.jobs.store import JobStore
from appliance.system.regular_file import read_regular

MAX_BYTES = 1 << 20
"""Maximum size of a thumbnail in bytes; larger files are ignored."""

_JPEG = b"\xff\xd8\xff"


def job_thumbnail(store: JobStore, root: Path, job: Job) -> bytes | None:
    """Return the thumbnail of ``job`` as JPEG, or ``None`` if there is none.

    It shows the finished video (from the cache of thumbnails if possible), otherwise the presenter:
    the image in the job's work folder, or the cached thumbnail.
    """
    cache = ThumbnailCache(root)
    video_thumbnail = cache.get(job.output) if job.output is not None else None
    results = [file.path for file in store.files.for_job(job.id) if file.role == "result"]
    candidates = [video_thumbnail] if video_thumbnail is not None else []
    thumbnail = job.output.with_suffix(".jpg") if job.output is not None else None
    candidates += [path for path in results if path == thumbnail]
    candidates.append(work_thumbnail_path(root, job))
    if job.presenter is not None and (cached := cache.get(job.presenter)) is not None:
        candidates.append(cached)
    for path in candidates:
        try:
            data = read_regular(path, MAX_BYTES)
            if data.startswith(_JPEG):
                return data
        except OSError:
            continue
    return None


def work_thumbnail_path(root: Path, job: Job) -> Path:
    """Return the path of the presenter's image that the worker stores while ``job`` is running."""
    return root / "state" / "work" / f"{job.id:06d}" / "presenter.jpg"
