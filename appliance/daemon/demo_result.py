"""Show the result of ``./setup.sh demo`` in the panel, as if a job had made it."""

from __future__ import annotations

import shutil
from pathlib import Path

from appliance.daemon.service import single_instance_lock
from appliance.files.atomic import commit, temp_path, translate_write_errors
from appliance.jobs.models import NewJob
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore

VIDEO, REPORT, PRESENTER, LECTURE = (
    "lectern-demo.mp4",
    "report.json",
    "presenter.png",
    "lecture.wav",
)
"""Names of the demo's files in its folder."""

_STEM = "lectern-demo"
_FIRST = 1 << 30  # a priority above those that users set


def add_demo_result(root: Path, folder: Path) -> bool:
    """Copy the demo's video and report from ``folder`` to the outbox and add an ended job for them.

    Does nothing and returns ``False`` if the demo has not been made, if its result is there already
    or was deleted. Raises ``Fault``: ``already_running`` if a daemon is running, and what
    :func:`translate_write_errors` raises if a file cannot be written.
    """
    if not all((folder / name).is_file() for name in (VIDEO, REPORT)):
        return False
    marker = root / "state" / "demo-added"
    if marker.exists():
        return False
    with single_instance_lock(root), WorkerStore(store_path(root)) as store:
        outbox = root / "outbox"
        output, report = outbox / f"{_STEM}.mp4", outbox / f"{_STEM}.report.json"
        with translate_write_errors(output):
            outbox.mkdir(parents=True, exist_ok=True)
            for source, target in ((folder / VIDEO, output), (folder / REPORT, report)):
                _copy(source, target)
        job = store.add(NewJob(_STEM, folder / PRESENTER, folder / LECTURE, priority=_FIRST))
        claimed = store.claim()
        assert claimed is not None and claimed.id == job.id
        store.set_output_paths(job.id, output, report)
        for path in (output, report):
            store.files.add_result(job.id, path)
        store.finish(job.id)
        store.mark_archived(job.id)
    with translate_write_errors(marker):
        marker.touch()
    return True


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, temp_path(target))
    commit(target)
