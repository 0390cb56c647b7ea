"""The state of the panel, and the stores that requests open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import quote

from flask import current_app, g, request

from appliance.config import Config
from appliance.config_file import ConfigProblem
from appliance.files.thumbnail_cache import ThumbnailCache
from appliance.jobs.store import JobStore, store_path
from appliance.jobs.tasks import TaskStore
from web.accounts.known_devices import KnownDevices
from web.accounts.login_limiter import LoginLimiter
from web.accounts.sessions import SessionStore
from web.accounts.tokens import TokenStore
from web.accounts.users import UserStore
from web.addresses import Addresses
from web.update_lock import MARKER, is_updating
from web.uploads.models import Limits
from web.uploads.store import UploadStore

EXTENSION = "lectern"


@dataclass
class Panel:
    """State of a running panel.

    ``now`` returns the time in seconds since 1970. ``setup_code`` is the setup code, empty after
    the setup. ``mistakes`` are the errors in the config file; if there are any, the panel runs in
    safe mode. ``closing`` is set when the panel is about to end, so that streams end too.
    ``addresses`` is set if the panel is being served. ``render_lock`` is held while a live update
    is rendered: many at once would block all other requests (global interpreter lock).
    """

    config: Config
    now: Callable[[], float]
    users: UserStore
    sessions: SessionStore
    tokens: TokenStore
    devices: KnownDevices
    login_limiter: LoginLimiter
    setup_code: str
    mistakes: list[ConfigProblem] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    addresses: Addresses | None = None
    update_marker: Path = MARKER
    render_lock: threading.Lock = field(default_factory=threading.Lock)


def get_panel() -> Panel:
    """Return the panel of the current application."""
    return cast(Panel, current_app.extensions[EXTENSION])


def update_in_progress() -> bool:
    """Return whether an update is being installed."""
    return is_updating(get_panel().update_marker)


def get_config() -> Config:
    """Return the settings."""
    return get_panel().config


def get_thumbnails() -> ThumbnailCache:
    """Return the cache of thumbnails."""
    return ThumbnailCache(get_config().root)


def get_job_store() -> JobStore:
    """Return the job store, open for this request. Raises what :class:`JobStore` raises."""
    if "jobs" not in g:
        limit = get_config().jobs.max_attempts_without_progress
        g.jobs = JobStore(
            store_path(get_config().root), max_attempts_without_progress=limit, now=get_panel().now
        )
    return cast(JobStore, g.jobs)


def job_files_folder(root: Path) -> Path:
    """Return the folder with the files of jobs that were created in the panel.

    The files stay there until the job ends.
    """
    return root / "state" / "job_files"


def uploads_folder(root: Path) -> Path:
    """Return the folder with the uploads from which no job has been created yet."""
    return root / "state" / "uploads"


def get_uploads() -> UploadStore:
    """Return the upload store, open for this request."""
    if "uploads" not in g:
        folder = uploads_folder(get_config().root)
        g.uploads = UploadStore(folder, Limits.from_config(get_config()), now=get_panel().now)
    return cast(UploadStore, g.uploads)


def get_task_store() -> TaskStore:
    """Return the task store, open for this request. Raises what :class:`TaskStore` raises."""
    if "tasks" not in g:
        g.tasks = TaskStore(store_path(get_config().root), now=get_panel().now)
    return cast(TaskStore, g.tasks)


def close_stores(error: BaseException | None = None) -> None:
    """Close the stores that were opened for the request."""
    for name in ("jobs", "tasks", "uploads"):
        store: JobStore | TaskStore | UploadStore | None = g.pop(name, None)
        if store is not None:
            store.close()


def requested_address() -> str:
    """Return the path and query of the current request, escaped as in the browser's address bar.

    ``request.full_path`` is not escaped: a name with ``#`` in it would end there.
    """
    query = request.query_string.decode("ascii", "replace")
    return quote(request.path) + (f"?{query}" if query else "")
