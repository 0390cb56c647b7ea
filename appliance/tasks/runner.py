"""Runs tasks in threads of the daemon, in parallel with a job."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance.attempt.protocol import StopRequested
from appliance.config import Config, apply_overrides
from appliance.errors import LecternError
from appliance.helper.request import HelperAction
from appliance.jobs.models import Reason
from appliance.jobs.states import JobState
from appliance.jobs.store import JobStore
from appliance.jobs.task_params import check_params
from appliance.jobs.tasks import Task, TaskStore, make_warning
from appliance.tasks.child import run_in_child
from appliance.tasks.estimates import estimate_s, seconds_per_pixel
from appliance.tasks.helper_client import call_helper

log = logging.getLogger("lectern.tasks")

_PRUNE_INTERVAL = 600  # iterations of the loop

QUICK_KINDS = ("preflight", "restart_worker")
"""Kinds of tasks for which a user waits on a page. They have their own thread, so that they are not
delayed by tasks that may take hours, such as copying a USB drive or building a TensorRT engine."""

_DOCTOR_TIMEOUT_S = 3600.0
"""Time limit of the doctor in seconds; its first check of TensorRT builds an engine."""

_LEARNING_TIMEOUT_S = 900.0
"""Time limit of learning from a presenter, in seconds; it reads two minutes of video at most."""

TaskHandler = Callable[[Mapping[str, Any], Path], dict[str, Any]]
"""Executes one task, given its parameters and a folder for its files; returns the result."""


class TaskRunner:
    """Runs the tasks of the kinds in ``handlers``, one after the other.

    Each task has a subfolder of ``folder`` for as long as its result is kept. A runner may be used
    by one thread only.
    """

    def __init__(
        self,
        tasks: TaskStore,
        folder: Path,
        handlers: Mapping[str, TaskHandler],
        stop: threading.Event,
    ) -> None:
        self._tasks = tasks
        self._folder = folder
        self._handlers = handlers
        self._stop = stop

    def run(self, pause_s: float = 0.5) -> None:
        """Run tasks until ``stop`` is set; check for new ones every ``pause_s`` seconds."""
        iterations, last_error = 0, ""
        while not self._stop.is_set():
            try:
                if iterations % _PRUNE_INTERVAL == 0:
                    self._prune()
                iterations += 1
                busy, last_error = self.run_next(), ""
            except (LecternError, OSError) as error:  # an error of the database may be transient
                if str(error) != last_error:
                    log.error("tasks: %s", error)
                busy, last_error = False, str(error)
            if not busy:
                self._stop.wait(pause_s)

    def run_next(self) -> bool:
        """Run the oldest task; return False if there is none."""
        task = self._tasks.claim(self._handlers)
        if task is None:
            return False
        run_task(self._tasks, task, self._handle)
        return True

    def _handle(self, task: Task) -> dict[str, Any]:
        return self._handlers[task.kind](task.params, self._folder / str(task.id))

    def _prune(self) -> None:
        for task_id in self._tasks.prune():
            shutil.rmtree(self._folder / str(task_id), ignore_errors=True)


def task_handlers(
    config: Config,
    open_store: Callable[[], JobStore],
    free_mb: Callable[[], float],
    restart: Callable[[], None],
    is_cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, TaskHandler]:
    """Return the handlers of all kinds of tasks: those of the daemon and those of the helper.

    ``open_store`` opens the job store; ``free_mb`` returns the free disk space in MiB; ``restart``
    ends the daemon so that it is started again. Once ``is_cancelled`` returns True, handlers stop
    waiting for replies.
    """

    def preflight(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        lecture = Path(params["lecture"]) if params.get("lecture") else None
        job_config = apply_overrides(config, params.get("options") or {})
        result = run_in_child(
            "preflight",
            Path(params["presenter"]),
            lecture,
            job_config,
            folder / "thumbnail.jpg",
            is_cancelled=is_cancelled,
        )
        with open_store() as store:
            result["estimated_s"] = estimate_s(
                result, seconds_per_pixel(store.jobs([JobState.DONE], 20))
            )
        available_mb = free_mb() - config.jobs.min_free_disk_mb
        if (result["estimated_mb"] or 0) > available_mb:
            params = {"needed": result["estimated_mb"], "free": max(round(available_mb), 0)}
            result["warnings"].append(make_warning("job_needs_disk_space", **params))
        return dict(result)

    def doctor(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        result = run_in_child(
            "doctor", None, None, config, timeout_s=_DOCTOR_TIMEOUT_S, is_cancelled=is_cancelled
        )
        return dict(result)

    def enrolment(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        result = run_in_child(
            "enrolment",
            Path(params["presenter"]),
            None,
            config,
            learn=bool(params.get("learn")),
            timeout_s=_LEARNING_TIMEOUT_S,
            is_cancelled=is_cancelled,
        )
        return dict(result)

    def restart_worker(params: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        restart()
        return {}

    def helper_handler(action: str) -> TaskHandler:
        return lambda params, folder: call_helper(action, params, is_cancelled=is_cancelled)

    own_handlers: dict[str, TaskHandler] = {
        "preflight": preflight,
        "enrolment": enrolment,
        "doctor": doctor,
        "restart_worker": restart_worker,
    }
    return {
        **own_handlers,
        **{action.value: helper_handler(action.value) for action in HelperAction},
    }


def run_task(tasks: TaskStore, task: Task, handler: Callable[[Task], dict[str, Any]]) -> None:
    """Run the claimed task ``task`` with ``handler`` and store the result, or why it failed.

    ``handler`` gets the task with checked parameters; see :mod:`appliance.jobs.task_params`.

    Raises ``Fault`` as ``tasks`` does.
    """
    log.info("task %d: %s", task.id, task.kind)
    try:
        checked = replace(task, params=check_params(task.kind, task.params))
        tasks.finish(task.id, handler(checked))
    except StopRequested:
        tasks.fail(task.id, Reason("task_interrupted"))
    except LecternError as error:
        log.info("task %d: %s", task.id, error)
        tasks.fail(task.id, Reason.from_error(error))
    except Exception as error:  # must not affect the next task
        log.exception("task %d: unexpected error", task.id)
        reason = f"{type(error).__name__}: {error}"
        tasks.fail(task.id, Reason("task_failed", {"reason": reason}))
