"""Decides by a set of rules whether the device may work now, and records the reasons if not."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.config import GovernorConfig
from appliance.governor.quiet_hours import QuietHoursRule
from appliance.governor.rules import Conditions, DiskRule, HeatRule, MemoryRule, PreviewRule, Rule
from appliance.jobs.models import Reason
from appliance.jobs.worker_store import WorkerStore
from appliance.telemetry.reading import Reading
from appliance.telemetry.store import TelemetryStore, telemetry_path

log = logging.getLogger("lectern.governor")

MAX_READING_AGE_S = 120.0
"""Maximum age of a telemetry reading in seconds; older ones are ignored."""

ReadTelemetry = Callable[[], Reading | None]
"""Returns the newest telemetry reading, or ``None`` if there is none."""


class Governor:
    """Evaluates all rules and keeps the holds in ``store`` up to date.

    ``read_telemetry`` returns the newest telemetry reading, ``now`` the seconds since 1970.
    """

    def __init__(
        self,
        store: WorkerStore,
        rules: Sequence[Rule],
        read_telemetry: ReadTelemetry,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._rules = rules
        self._read_telemetry = read_telemetry
        self._now = now

    def allows(self, *, job_running: bool) -> bool:
        """Return whether a job may be started or, if ``job_running``, continued.

        The reasons against it are stored as holds, and released when they no longer apply. Raises
        ``Fault`` like the store.
        """
        now, reading = self._now(), self._read_telemetry()
        if reading is not None and abs(now - reading.at) > MAX_READING_AGE_S:
            reading = None
        conditions = Conditions(now, reading, job_running)
        reasons = [reason for rule in self._rules if (reason := rule.check(conditions))]
        self._update_holds(reasons)
        return not reasons

    def _update_holds(self, reasons: list[Reason]) -> None:
        held = {hold.code for hold in self._store.holds()}
        codes = {reason.code for reason in reasons}
        for reason in reasons:
            if reason.code not in held:
                self._store.add_hold(reason)
                log.warning("on hold: %s", reason.text())
        for code in held - codes:
            self._store.remove_hold(code)
            log.info("no longer on hold for %s", code)


def build_governor(
    store: WorkerStore,
    settings: GovernorConfig,
    disk: DiskRule,
    *,
    read_telemetry: ReadTelemetry = lambda: None,
    preview_requested: Callable[[], bool] = lambda: False,
    now: Callable[[], float] = time.time,
) -> Governor:
    """Return a governor with all rules, based on the readings of ``read_telemetry``.

    ``preview_requested`` returns whether a preview is requested.
    """
    rules: list[Rule] = [
        HeatRule(settings.heat_pause_margin_c, settings.heat_resume_margin_c),
        MemoryRule(settings.min_start_memory_mb, settings.min_running_memory_mb),
        disk,
        QuietHoursRule(settings.quiet_hours),
        PreviewRule(preview_requested),
    ]
    return Governor(store, rules, read_telemetry, now)


def newest_reading_source(root: Path) -> ReadTelemetry:
    """Return a function that reads the newest telemetry reading below the root folder ``root``.

    It returns ``None`` if there is no reading or it cannot be read.
    """
    try:
        telemetry = TelemetryStore(telemetry_path(root))
    except (sqlite3.Error, OSError):
        return lambda: None

    def read_telemetry() -> Reading | None:
        try:
            return telemetry.latest()
        except (sqlite3.Error, OSError, ValueError):
            return None

    return read_telemetry
