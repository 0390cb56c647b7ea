"""Decides whether the device may work now, and if not, why, by a set of rules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from appliance.governor.situation import Rule, Situation
from appliance.jobs.record import Reason
from appliance.jobs.store import JobStore
from appliance.telemetry.reading import Reading

log = logging.getLogger("lectern.governor")

STALE_S = 120.0
"""Maximum age of a telemetry reading in seconds; older ones are ignored."""

Look = Callable[[], Reading | None]


class Governor:
    """Evaluates all rules and keeps the holds in ``store`` up to date.

    ``look`` returns the newest telemetry reading, ``now`` the seconds since 1970.
    """

    def __init__(
        self, store: JobStore, rules: Sequence[Rule], look: Look, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._rules = rules
        self._look = look
        self._now = now

    def allows(self, *, working: bool) -> bool:
        """Return whether a job may be started or, if ``working``, continued.

        The reasons against it are stored as holds, and released when they no longer apply. Raises
        ``Fault`` like the store.
        """
        now, reading = self._now(), self._look()
        if reading is not None and abs(now - reading.at) > STALE_S:
            reading = None
        situation = Situation(now, reading, working)
        reasons = [reason for rule in self._rules if (reason := rule.check(situation))]
        self._note(reasons)
        return not reasons

    def _note(self, reasons: list[Reason]) -> None:
        held = {hold.code for hold in self._store.holds()}
        codes = {reason.code for reason in reasons}
        for reason in reasons:
            if reason.code not in held:
                self._store.hold(reason)
                log.warning("on hold: %s", reason.text())
        for code in held - codes:
            self._store.release(code)
            log.info("no longer on hold for %s", code)
