"""The thumbnail of a job."""

from __future__ import annotations

from pathlib import Path

from appliance.jobs.pictures import Pictures
from appliance.jobs.record import Job
from appliance.jobs.store import JobStore

MAX_BYTES = 1 << 20
_JPEG = b"\xff\xd8\xff"


def picture_of(store: JobStore, root: Path, job: Job) -> bytes | None:
    """Return the thumbnail of ``job`` as JPEG, or ``None`` if there is none.

    It shows the finished video (from the cache of thumbnails if possible), otherwise the presenter:
    the image in the job's work folder, or the cached thumbnail.
    """
    kept = Pictures(root)
    small = kept.of(job.output) if job.output is not None else None
    results = [file.path for file in store.files.of(job.id) if file.role == "result"]
    places = [small] if small is not None else []
    places += [path for path in results if path.suffix == ".jpg"]
    places.append(work_picture(root, job))
    if job.presenter is not None and (known := kept.of(job.presenter)) is not None:
        places.append(known)
    for path in places:
        try:
            if path.stat().st_size <= MAX_BYTES:
                data = path.read_bytes()
                if data.startswith(_JPEG):
                    return data
        except OSError:
            continue
    return None


def work_picture(root: Path, job: Job) -> Path:
    """Return the path of the presenter's image that the worker stores while ``job`` is running."""
    return root / "state" / "work" / f"{job.id:06d}" / "presenter.jpg"
