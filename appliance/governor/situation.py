"""The interface of the governor's rules and their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from appliance.jobs.record import Reason
from appliance.telemetry.reading import Reading


@dataclass(frozen=True)
class Situation:
    """The conditions at one moment.

    ``now`` is seconds since 1970; ``reading`` is ``None`` if there is no current telemetry;
    ``working`` says whether there is a current job (stopping it costs more than not starting it).
    """

    now: float
    reading: Reading | None
    working: bool


class Rule(Protocol):
    """A rule that may pause the work."""

    def check(self, situation: Situation) -> Reason | None:
        """Return the reason why no work may be done now, or ``None``."""
        ...
