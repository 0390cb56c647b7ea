"""What requests need: the settings, the clock, the user accounts and the job queue."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from flask import current_app, g

from appliance.config import Config
from appliance.config_file import Mistake
from appliance.jobs.pictures import Pictures
from appliance.jobs.store import JobStore, store_path
from web.addresses import Addresses
from web.people.sessions import Sessions
from web.people.store import People
from web.people.throttle import Throttle
from web.people.tokens import Tokens
from web.update import MARKER, is_updating

EXTENSION = "lectern"


@dataclass
class Panel:
    """State of a running panel.

    ``now`` returns the time in seconds since 1970. ``code`` is the setup code, empty after the
    setup. ``mistakes`` are the errors in the config file; if there are any, the panel runs in safe
    mode. ``closing`` is set when the panel is about to end, so that streams end too. ``addresses``
    is set if the panel is being served.
    """

    config: Config
    now: Callable[[], float]
    people: People
    sessions: Sessions
    tokens: Tokens
    throttle: Throttle
    code: str
    mistakes: list[Mistake] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    addresses: Addresses | None = None
    update_marker: Path = MARKER


def panel() -> Panel:
    """Return the panel of the current application."""
    return cast(Panel, current_app.extensions[EXTENSION])


def updating() -> bool:
    """Return whether an update is being installed."""
    return is_updating(panel().update_marker)


def config() -> Config:
    """Return the settings."""
    return panel().config


def pictures() -> Pictures:
    """Return the cache of thumbnails."""
    return Pictures(config().root)


def jobs() -> JobStore:
    """Return the job store, open for this request. Raises what :class:`JobStore` raises."""
    if "jobs" not in g:
        limit = config().jobs.max_idle_attempts
        g.jobs = JobStore(store_path(config().root), max_idle_attempts=limit, now=panel().now)
    return cast(JobStore, g.jobs)


def close_jobs(error: BaseException | None = None) -> None:
    """Close the job store at the end of the request."""
    store: JobStore | None = g.pop("jobs", None)
    if store is not None:
        store.close()
