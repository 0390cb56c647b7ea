"""Makes previews: three seconds of the finished video, with priority over jobs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.attempt.parent import run_attempt
from appliance.attempt.protocol import AttemptRunner, RenderRequest
from appliance.config import Config, apply_overrides
from appliance.jobs.tasks import Task, TaskStore
from appliance.tasks.child import run_in_child
from appliance.tasks.runner import run_task

KIND = "preview"
_STALL_S = 180.0
_EXCERPT_S = 60.0


class PreviewMaker:
    """Makes the requested previews, in the worker's thread.

    ``run_in_child`` cuts the excerpt and ``attempt`` renders it. The video stays in ``folder``
    until the task is pruned. Once ``stop`` is set, the current preview is abandoned.
    """

    def __init__(
        self,
        tasks: TaskStore,
        config: Config,
        folder: Path,
        stop: threading.Event,
        *,
        attempt: AttemptRunner = lambda request, on_progress: run_attempt(
            request, on_progress, stall_timeout_s=_STALL_S
        ),
        run_in_child: Callable[..., Any] = run_in_child,
    ) -> None:
        self._tasks = tasks
        self._config = config
        self._folder = folder
        self._stop = stop
        self._attempt = attempt
        self._run_in_child = run_in_child

    def has_pending(self) -> bool:
        """Return whether a preview is requested."""
        return self._tasks.has_unfinished([KIND])

    def make_next(self, heartbeat: Callable[[], None]) -> None:
        """Make the oldest requested preview; ``heartbeat`` is called regularly meanwhile."""
        task = self._tasks.claim([KIND])
        if task is not None:
            run_task(self._tasks, task, lambda task: self._make(task, heartbeat))

    def _make(self, task: Task, heartbeat: Callable[[], None]) -> dict[str, Any]:
        folder = self._folder / str(task.id)
        work = folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        config = apply_overrides(self._config, task.params.get("options") or {})
        config = apply_overrides(config, {"score": {"enabled": False}})
        presenter, lecture = (Path(task.params[name]) for name in ("presenter", "lecture"))
        at_s = float(task.params.get("at_s") or 0)

        def is_cancelled(update: object = None) -> bool:
            heartbeat()
            return self._stop.is_set()

        excerpt = self._run_in_child(
            "excerpt",
            presenter,
            lecture,
            config,
            work,
            at_s=at_s,
            timeout_s=_EXCERPT_S,
            is_cancelled=is_cancelled,
        )
        video = folder / "preview.mp4"
        self._attempt(RenderRequest(work, presenter, Path(excerpt), video, config), is_cancelled)
        shutil.rmtree(work, ignore_errors=True)
        return {"video": str(video)}
