"""Runs tasks in threads of the daemon, in parallel with a job."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.errands.answer import answer
from appliance.errands.child import ask_child
from appliance.errands.helper import KINDS as OUTSIDE
from appliance.errands.helper import ask_helper
from appliance.errands.pace import estimate_s, seconds_a_pixel
from appliance.errands.warning import warning
from appliance.errors import LecternError
from appliance.jobs.errands import Errand, Errands
from appliance.jobs.options import with_options
from appliance.jobs.states import State
from appliance.jobs.store import JobStore

log = logging.getLogger("lectern.errands")

_PRUNE_EVERY = 600  # iterations of the loop

QUICK = ("preflight", "restart_worker")
"""Kinds of tasks that a user waits for on a page. They have their own thread, so that they do not
wait for tasks that may take hours, such as copying a USB drive or building a TensorRT engine."""

_EXAMINED_S = 3600.0
"""Time limit of the doctor in seconds; its first check of TensorRT builds an engine."""

Carry = Callable[[Mapping[str, Any], Path], dict[str, Any]]
"""Executes one task, given its parameters and a folder for its files; returns the result."""


class Desk:
    """Runs the tasks of the kinds in ``carriers``, one after the other.

    Each task has a subfolder of ``folder`` for as long as its result is kept. A runner may be used
    by one thread only.
    """

    def __init__(
        self, errands: Errands, folder: Path, carriers: Mapping[str, Carry], stop: threading.Event
    ) -> None:
        self._errands = errands
        self._folder = folder
        self._carriers = carriers
        self._stop = stop

    def run(self, pause_s: float = 0.5) -> None:
        """Run tasks until ``stop`` is set; check for new ones every ``pause_s`` seconds."""
        rounds, complaint = 0, ""
        while not self._stop.is_set():
            try:
                if rounds % _PRUNE_EVERY == 0:
                    self._prune()
                rounds += 1
                busy, complaint = self.step(), ""
            except (LecternError, OSError) as error:  # an error of the database may be transient
                if str(error) != complaint:
                    log.error("tasks: %s", error)
                busy, complaint = False, str(error)
            if not busy:
                self._stop.wait(pause_s)

    def step(self) -> bool:
        """Run the oldest task; return False if there is none."""
        errand = self._errands.claim(self._carriers)
        if errand is None:
            return False
        answer(self._errands, errand, self._carry)
        return True

    def _carry(self, errand: Errand) -> dict[str, Any]:
        return self._carriers[errand.kind](errand.params, self._folder / str(errand.id))

    def _prune(self) -> None:
        for number in self._errands.prune():
            shutil.rmtree(self._folder / str(number), ignore_errors=True)


def carriers(
    config: Config,
    store: Callable[[], JobStore],
    free_mb: Callable[[], float],
    restart: Callable[[], None],
    ended: Callable[[], bool] = lambda: False,
) -> dict[str, Carry]:
    """Return the handlers of all kinds of tasks: those of the daemon and those of the helper.

    ``store`` opens the job store; ``free_mb`` returns the free disk space in MiB. ``restart`` ends
    the daemon so that it is started again. Once ``ended`` returns True, replies are no longer
    waited for.
    """

    def preflight(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        lecture = Path(params["lecture"]) if params.get("lecture") else None
        wanted = with_options(config, params.get("options") or {})
        found = ask_child(
            "look",
            Path(params["presenter"]),
            lecture,
            wanted,
            folder / "thumbnail.jpg",
            ended=ended,
        )
        with store() as jobs:
            found["estimated_s"] = estimate_s(found, seconds_a_pixel(jobs.jobs([State.DONE], 20)))
        spare = free_mb() - config.jobs.min_free_mb
        if (found["estimated_mb"] or 0) > spare:
            params = {"needed": found["estimated_mb"], "free": max(round(spare), 0)}
            found["warnings"].append(warning("job_lacks_space", **params))
        return dict(found)

    def doctor(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        found = ask_child("doctor", None, None, config, limit_s=_EXAMINED_S, ended=ended)
        return dict(found)

    def restart_worker(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        restart()
        return {}

    def outside(kind: str) -> Carry:
        return lambda params, folder: ask_helper(kind, params, ended=ended)

    inside = {"preflight": preflight, "doctor": doctor, "restart_worker": restart_worker}
    return {**inside, **{kind: outside(kind) for kind in OUTSIDE}}
