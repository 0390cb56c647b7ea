"""What a rule of the governor looks at, and what a rule is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.jobs.record import Reason
from appliance.telemetry.reading import Reading


@dataclass(frozen=True)
class Situation:
    """One moment. ``now`` is seconds since 1970; ``reading`` is ``None`` where nothing is known of
    the machine; ``working`` tells whether a job is in hand (to stop is dearer than not to start).
    """

    now: float
    reading: Reading | None
    working: bool


class Rule(Protocol):
    """One reason to let the work rest."""

    def check(self, situation: Situation) -> Reason | None:
        """Why nothing may be done now; ``None`` when this rule has nothing against it."""
        ...
