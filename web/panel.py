"""What every page may use: the settings, the clock, the accounts and the queue."""

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
    """One running panel. ``now`` tells the seconds since 1970.

    ``mistakes`` are the config file's; where there are any the panel is in safe mode. ``closing``
    is set when it is about to end, so that no stream holds it up. ``addresses`` are known where it
    is served.
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
    """The panel that answers the request."""
    return cast(Panel, current_app.extensions[EXTENSION])


def updating() -> bool:
    """Whether the box is being updated."""
    return is_updating(panel().update_marker)


def config() -> Config:
    """The box's settings."""
    return panel().config


def pictures() -> Pictures:
    """The kept pictures of presenters."""
    return Pictures(config().root)


def jobs() -> JobStore:
    """The queue, open for this request; raises what :class:`JobStore` raises."""
    if "jobs" not in g:
        limit = config().jobs.max_idle_attempts
        g.jobs = JobStore(store_path(config().root), max_idle_attempts=limit, now=panel().now)
    return cast(JobStore, g.jobs)


def close_jobs(error: BaseException | None = None) -> None:
    """The request is over."""
    store: JobStore | None = g.pop("jobs", None)
    if store is not None:
        store.close()
