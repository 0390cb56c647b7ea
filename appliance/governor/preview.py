"""Pauses the current job after its chunk when a preview is requested."""

from __future__ import annotations

from collections.abc import Callable

from appliance.governor.situation import Situation
from appliance.jobs.record import Reason


class PreviewFirst:
    """Pauses the current job while ``waits`` returns True, that is, a preview is requested.

    Without a current job nothing has to be held: the worker makes previews before it starts jobs.
    """

    def __init__(self, waits: Callable[[], bool]) -> None:
        self._waits = waits

    def check(self, situation: Situation) -> Reason | None:
        """Return ``preview_first``, or ``None``."""
        return Reason("preview_first") if situation.working and self._waits() else None
