"""Makes previews: three seconds of the finished video, with priority over jobs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.attempt.order import Order
from appliance.attempt.parent import run_attempt
from appliance.config import Config
from appliance.errands.answer import answer
from appliance.errands.child import ask_child
from appliance.jobs.errands import Errand, Errands
from appliance.jobs.options import with_options
from appliance.rendering import Attempt

KIND = "preview"
_STALL_S = 180.0
_EXCERPT_S = 60.0


class PreviewDesk:
    """Makes the requested previews, in the worker's thread.

    ``look`` cuts the excerpt and ``attempt`` renders it. The video stays in ``folder`` until the
    task is pruned. Once ``stop`` is set, the current preview is abandoned.
    """

    def __init__(
        self,
        errands: Errands,
        config: Config,
        folder: Path,
        stop: threading.Event,
        *,
        attempt: Attempt = lambda order, watch: run_attempt(order, watch, stall_s=_STALL_S),
        look: Callable[..., Any] = ask_child,
    ) -> None:
        self._errands = errands
        self._config = config
        self._folder = folder
        self._stop = stop
        self._attempt = attempt
        self._look = look

    def waiting(self) -> bool:
        """Return whether a preview is requested."""
        return self._errands.waiting([KIND])

    def make_one(self, beat: Callable[[], None]) -> None:
        """Make the oldest requested preview; ``beat`` is called regularly meanwhile."""
        errand = self._errands.claim([KIND])
        if errand is not None:
            answer(self._errands, errand, lambda errand: self._make(errand, beat))

    def _make(self, errand: Errand, beat: Callable[[], None]) -> dict[str, Any]:
        place = self._folder / str(errand.id)
        work = place / "work"
        work.mkdir(parents=True, exist_ok=True)
        config = with_options(self._config, errand.params.get("options") or {})
        config = with_options(config, {"score": {"enabled": False}})
        presenter, lecture = (Path(errand.params[name]) for name in ("presenter", "lecture"))
        at_s = float(errand.params.get("at_s") or 0)

        def ended(step: object = None) -> bool:
            beat()
            return self._stop.is_set()

        piece = self._look(
            "excerpt", presenter, lecture, config, work, at_s=at_s, limit_s=_EXCERPT_S, ended=ended
        )
        video = place / "preview.mp4"
        self._attempt(Order(work, presenter, Path(piece), video, config), ended)
        shutil.rmtree(work, ignore_errors=True)
        return {"video": str(video)}
