"""Somebody waits for a preview: the job in hand makes way after its chunk."""

from __future__ import annotations

from collections.abc import Callable

from appliance.governor.situation import Situation
from appliance.jobs.record import Reason


class PreviewFirst:
    """Rests while ``waits`` says that a preview is asked for. Where nothing is in hand, the worker
    makes the preview itself before it begins anything, so there is nothing to hold."""

    def __init__(self, waits: Callable[[], bool]) -> None:
        self._waits = waits

    def check(self, situation: Situation) -> Reason | None:
        """``preview_first``, or ``None``."""
        return Reason("preview_first") if situation.working and self._waits() else None
