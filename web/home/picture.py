"""The small picture of a job's presenter, where somebody has made one."""

from __future__ import annotations

from pathlib import Path

from appliance.jobs.pictures import Pictures
from appliance.jobs.record import Job
from appliance.jobs.store import JobStore

MAX_BYTES = 1 << 20
_JPEG = b"\xff\xd8\xff"


def picture_of(store: JobStore, root: Path, job: Job) -> bytes | None:
    """The JPEG of ``job``: that of the finished video (the small one kept of it, where there is
    one), else the one beside its work, else what is known of the presenter."""
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
    """Where the worker puts the presenter's picture while it works on ``job``."""
    return root / "state" / "work" / f"{job.id:06d}" / "presenter.jpg"
