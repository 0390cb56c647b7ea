"""Delete expired uploads, and files that were left behind when the panel crashed.

Files are linked into a separate folder for each job (:mod:`web.services.job_creation`) before the
job is queued. If the panel ends between these two steps, the files belong to no job.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from appliance.config import Config
from appliance.errors import LecternError
from appliance.jobs.backup import RESTORATION_SHOWN_S, read_restoration
from appliance.jobs.retention import RetentionPolicy, delete_expired
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore, store_path
from appliance.system.elapsed import ElapsedTimes, plausible_age_s
from web.context import job_files_folder, uploads_folder
from web.uploads.models import Limits
from web.uploads.store import UploadStore

log = logging.getLogger("lectern.panel")

CLEANUP_INTERVAL_S = 600.0
"""Interval between two searches for expired uploads, in seconds."""

_FOLDER = re.compile(r"[0-9a-f]{32}")


def remove_stale_job_files(store: JobStore, folder: Path) -> list[Path]:
    """Delete the folders that no job of ``store`` needs, and return them.

    Call this only while no job is being created, for example when the panel starts.
    """
    with contextlib.suppress(FileNotFoundError):
        found = [path for path in folder.iterdir() if _FOLDER.fullmatch(path.name)]
        needed = _needed_files(store) if found else set()
        orphans = [path for path in found if not any(file.is_relative_to(path) for file in needed)]
        for path in orphans:
            shutil.rmtree(path, ignore_errors=True)
        return orphans
    return []


def _needed_files(store: JobStore) -> set[Path]:
    """Return the files of all jobs, including those that are just being moved."""
    needed: set[Path | None] = set()
    for job in store.jobs(set(JobState)):
        needed |= {job.presenter, job.lecture}
    needed |= store.files.source_paths()
    return {path for path in needed if path is not None}


def remove_stale_uploads(config: Config, activity: ElapsedTimes) -> None:
    """Delete the expired uploads; see :meth:`UploadStore.remove_expired`."""
    folder = uploads_folder(config.root)
    if folder.is_dir():
        with UploadStore(folder, Limits.from_config(config)) as store:
            for upload in store.remove_expired(activity):
                name, owner = ascii(upload.name), ascii(upload.owner)
                log.info("the upload of %s by %s has expired", name, owner)


def clean_at_start(config: Config) -> None:
    """Delete the files that an earlier process of the panel left behind."""
    path = store_path(config.root)
    restored = read_restoration(config.root / "state")
    if restored is not None and plausible_age_s(restored[1], time.time()) < RESTORATION_SHOWN_S:
        return  # jobs that were added after the backup are missing; keep their files
    if path.is_file():
        with JobStore(path) as store:
            for folder in remove_stale_job_files(store, job_files_folder(config.root)):
                log.warning("deleted %s, which belonged to no job", folder.name)


def start_cleanup(
    config: Config,
    now: Callable[[], float],
    closing: threading.Event,
    monotonic: Callable[[], float] = time.monotonic,
) -> threading.Thread:
    """Delete what an earlier process left behind, and start a thread that deletes expired uploads.

    Returns the thread. It searches every ``CLEANUP_INTERVAL_S`` seconds and ends when ``closing``
    is set.
    """

    activity = ElapsedTimes(now, monotonic)

    def run() -> None:
        while not closing.is_set():
            try:
                remove_stale_uploads(config, activity)
            except (LecternError, OSError) as error:
                log.warning("expired uploads cannot be deleted: %s", error)
            closing.wait(CLEANUP_INTERVAL_S)

    try:
        clean_at_start(config)
    except (LecternError, OSError) as error:
        log.warning("the job files cannot be cleaned up: %s", error)
    thread = threading.Thread(target=run, name="cleanup", daemon=True)
    thread.start()
    return thread


def delete_old_jobs(store: JobStore, user: str, days: int, *, keep_not_downloaded: bool) -> int:
    """Delete jobs that ended more than ``days`` days ago, with their files.

    ``user`` is the name of the user for the log. ``keep_not_downloaded`` keeps videos that have not
    been downloaded yet. Returns the number of deleted jobs.
    """
    policy = RetentionPolicy(max_age_days=days, keep_undownloaded=keep_not_downloaded)
    deleted = delete_expired(store, policy)
    log.warning("%s deleted %d jobs older than %d days", user, len(deleted), days)
    return len(deleted)
