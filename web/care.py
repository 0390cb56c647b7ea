"""What the panel clears away: uploads that nobody goes on with, and what a fall left behind.

A job gets files of its own (:mod:`web.new.material`) before it is queued; a panel that dies between
the two leaves them without a job.
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

_FOLDER = re.compile(r"[0-9a-f]{32}")


def material_folder(root: Path) -> Path:
    """Where what came through the panel lies until its job ends."""
    return root / "state" / "material"


def uploads_folder(root: Path) -> Path:
    """Where uploads lie until a job is made of them."""
    return root / "state" / "uploads"


def clear_material(store: JobStore, folder: Path) -> list[Path]:
    """Delete what no job of ``store`` needs; gives the deleted folders.

    Only for a time when no job is being made, such as the panel's start.
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
    """Every file of every job, also where it is just being moved."""
    needed: set[Path | None] = set()
    for job in store.jobs(set(State)):
        needed |= {job.presenter, job.lecture}
    needed |= store.files.claimed()
    return {path for path in needed if path is not None}


def clear_uploads(config: Config, now: Callable[[], float]) -> None:
    """Throw away the uploads that have expired."""
    folder = uploads_folder(config.root)
    if folder.is_dir():
        with UploadStore(folder, Limits.of(config), now=now) as store:
            for gone in store.sweep():
                log.info("the upload of %s by %s has expired", ascii(gone.name), ascii(gone.owner))


def clear_at_start(config: Config) -> None:
    """What an earlier panel left behind."""
    path = store_path(config.root)
    if path.is_file():
        with JobStore(path) as store:
            for folder in clear_material(store, material_folder(config.root)):
                log.warning("deleted %s, of which no job had been made", folder.name)


def care(config: Config, now: Callable[[], float], closing: threading.Event) -> threading.Thread:
    """Do all of it now, and what is to be done again and again every ``EVERY_S`` seconds, in a
    thread that ends when ``closing`` is set."""

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
