"""Creates the governor from the configuration."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from appliance.config import Config
from appliance.governor.disk import Disk
from appliance.governor.governor import Governor, Look
from appliance.governor.heat import Heat
from appliance.governor.memory import Memory
from appliance.governor.preview import PreviewFirst
from appliance.governor.quiet import QuietHours
from appliance.governor.situation import Rule
from appliance.jobs.store import JobStore
from appliance.telemetry.history import History, history_path
from appliance.telemetry.reading import Reading


def build_governor(
    store: JobStore,
    config: Config,
    disk: Disk,
    *,
    look: Look = lambda: None,
    preview_waits: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = time.time,
) -> Governor:
    """Return a governor with all rules, based on the readings of ``look``.

    ``preview_waits`` returns whether a preview is requested.
    """
    settings = config.governor
    rules: list[Rule] = [
        Heat(settings.heat_margin_c, settings.heat_resume_c),
        Memory(settings.start_memory_mb, settings.low_memory_mb),
        disk,
        QuietHours(settings.quiet),
        PreviewFirst(preview_waits),
    ]
    return Governor(store, rules, look, now)


def newest_reading(config: Config) -> Look:
    """Return a function that reads the newest telemetry reading, or ``None`` if that fails."""
    try:
        history = History(history_path(config.root))
    except (sqlite3.Error, OSError):
        return lambda: None

    def look() -> Reading | None:
        try:
            return history.latest()
        except (sqlite3.Error, OSError, ValueError):
            return None

    return look
