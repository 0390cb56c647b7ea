"""Delete expired uploads, and files that were left behind when the panel crashed.

Files are linked into a separate folder for each job (:mod:`web.new.material`) before the job is
queued. If the panel ends between these two steps, the files belong to no job.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from appliance.config import Config
from appliance.errors import LecternError
from appliance.jobs.states import State
from appliance.jobs.store import JobStore, store_path
from web.uploads.record import Limits
from web.uploads.store import UploadStore

log = logging.getLogger("lectern.panel")

EVERY_S = 600.0
"""Interval between two searches for expired uploads, in seconds."""

_FOLDER = re.compile(r"[0-9a-f]{32}")


def material_folder(root: Path) -> Path:
    """Return the folder with the files of jobs that were created in the panel.

    The files stay there until the job ends.
    """
    return root / "state" / "material"


def uploads_folder(root: Path) -> Path:
    """Return the folder with the uploads from which no job has been created yet."""
    return root / "state" / "uploads"


def clear_material(store: JobStore, folder: Path) -> list[Path]:
    """Delete the folders that no job of ``store`` needs, and return them.

    Call this only while no job is being created, for example when the panel starts.
    """
    with contextlib.suppress(FileNotFoundError):
        found = [path for path in folder.iterdir() if _FOLDER.fullmatch(path.name)]
        needed = _needed(store) if found else set()
        orphans = [path for path in found if not any(file.is_relative_to(path) for file in needed)]
        for path in orphans:
            shutil.rmtree(path, ignore_errors=True)
        return orphans
    return []


def _needed(store: JobStore) -> set[Path]:
    """Return the files of all jobs, including those that are just being moved."""
    needed: set[Path | None] = set()
    for job in store.jobs(set(State)):
        needed |= {job.presenter, job.lecture}
    needed |= store.files.claimed()
    return {path for path in needed if path is not None}


def clear_uploads(config: Config, now: Callable[[], float]) -> None:
    """Delete the expired uploads."""
    folder = uploads_folder(config.root)
    if folder.is_dir():
        with UploadStore(folder, Limits.of(config), now=now) as store:
            for gone in store.sweep():
                log.info("the upload of %s by %s has expired", ascii(gone.name), ascii(gone.owner))


def clear_at_start(config: Config) -> None:
    """Delete the files that an earlier process of the panel left behind."""
    path = store_path(config.root)
    if path.is_file():
        with JobStore(path) as store:
            for folder in clear_material(store, material_folder(config.root)):
                log.warning("deleted %s, of which no job had been made", folder.name)


def care(config: Config, now: Callable[[], float], closing: threading.Event) -> threading.Thread:
    """Delete what an earlier process left behind, and start a thread that deletes expired uploads.

    Returns the thread. It searches every ``EVERY_S`` seconds and ends when ``closing`` is set.
    """

    def tidy() -> None:
        while not closing.is_set():
            try:
                clear_uploads(config, now)
            except (LecternError, OSError) as error:
                log.warning("old uploads cannot be thrown away: %s", error)
            closing.wait(EVERY_S)

    try:
        clear_at_start(config)
    except (LecternError, OSError) as error:
        log.warning("the material cannot be looked through: %s", error)
    thread = threading.Thread(target=tidy, name="care", daemon=True)
    thread.start()
    return thread
