"""Executes one attempt at a job in a child process.

If a damaged file crashes a decoder, or memory runs out, only this process ends, and the daemon
continues. The daemon writes a ``RenderRequest`` to the child's standard input and keeps it open.
The attempt reports in JSON lines, and ends at once when the daemon has ended. On ``SIGTERM`` it
stops at the next point from which it can be resumed.

The lines are ``{"progress": …}`` and, at the end, ``{"report": …}``, ``{"stopped": true}`` or an
error (:meth:`~appliance.errors.LecternError.to_dict`).
"""

from __future__ import annotations

import fcntl
import json
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from appliance.attempt.degrade import is_out_of_memory
from appliance.attempt.protocol import ProgressUpdate, RenderRequest, StopRequested
from appliance.errors import Fault, LecternError
from appliance.system.malloc import imports_without_gc, limit_malloc_arenas
from appliance.system.process import exit_with_parent, private_stdout

_REPORT_INTERVAL_S = 0.5  # between two progress reports

_INTERRUPTIBLE = {"check", "selftest", "tts", "presenter", "speech", "score"}
"""Stages that are interrupted at once. Rendering stops after a chunk, and joining is short."""


class _ReportPipe:
    """Writes progress and the report to the daemon; setting ``stop`` requests an early end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stage = ""
        self._next_report_at = 0.0
        self._update = ProgressUpdate("", 0, 0)
        self.stop = False

    def on_progress(self, progress: Any) -> None:
        """Report progress; passed to :func:`~appliance.render.render.render_in`.

        Raises ``StopRequested`` if a stop was requested and the stage can be interrupted.
        """
        self._update = ProgressUpdate(progress.stage, progress.done, progress.total)
        if self.stop and progress.stage in _INTERRUPTIBLE:
            raise StopRequested
        if (self._stage, progress.stage) == ("speech", "render"):
            self.send({"progress": {**vars(self._update), "saved": True}})
        if progress.stage != self._stage or time.monotonic() >= self._next_report_at:
            self._stage, self._next_report_at = (
                progress.stage,
                time.monotonic() + _REPORT_INTERVAL_S,
            )
            self.send({"progress": vars(self._update)})

    def after_chunk(self) -> None:
        """Report that a chunk is finished. Raises ``StopRequested`` if a stop was requested."""
        self.send({"progress": {**vars(self._update), "saved": True}})
        if self.stop:
            raise StopRequested

    def send(self, message: dict[str, Any]) -> None:
        """Write one JSON line."""
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()


def main() -> None:
    """Execute the request on standard input; the entry point of the child process."""
    limit_malloc_arenas()
    with private_stdout() as out:
        pipe = _ReportPipe(out)

        def request_stop(number: int, frame: FrameType | None) -> None:
            pipe.stop = True

        signal.signal(signal.SIGTERM, request_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the daemon handles Ctrl-C
        request = RenderRequest.from_json(sys.stdin.readline())
        exit_with_parent()
        with _folder_lock(request.folder):
            pipe.send(_execute(request, pipe))


@contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, after waiting for any attempt left over from a killed daemon."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _execute(request: RenderRequest, pipe: _ReportPipe) -> dict[str, Any]:
    """Render the lecture and return the final report line."""
    with imports_without_gc():
        from appliance.render.render import render_in
        from appliance.render.report import RenderReport
        from appliance.render.scoring import score_report
        from appliance.render.sidecars import write_sidecars
        from appliance.render.workspace import Workspace

    def finish(report: RenderReport, workspace: Workspace) -> None:
        if request.config.score.enabled:
            started = time.monotonic()
            report["score"] = score_report(report, workspace, pipe.on_progress, pictures=True)
            report["stages_s"]["score"] = round(time.monotonic() - started, 3)

    _save_presenter_thumbnail(request)
    try:
        report = render_in(
            request.folder,
            request.presenter,
            request.lecture,
            request.output,
            request.config,
            on_progress=pipe.on_progress,
            after_chunk=pipe.after_chunk,
            transcript=request.transcript,
            unused=request.unused,
            finish=finish,
        )
        score = report["score"] if request.config.score.enabled else None
        write_sidecars(request.output, report["warnings"], score)
        _save_result_thumbnail(request)
    except StopRequested:
        return {"stopped": True}
    except Exception as error:
        if is_out_of_memory(error):
            return Fault("out_of_memory").to_dict()
        if isinstance(error, LecternError):
            return error.to_dict()
        traceback.print_exc()
        return Fault("processing_failed", reason=f"{type(error).__name__}: {error}").to_dict()
    return {"report": report}


def _save_presenter_thumbnail(request: RenderRequest) -> None:
    """Write a thumbnail of the presenter for the panel, next to the output and into the cache.

    Errors are ignored: the thumbnail is optional.
    """
    from appliance.files.thumbnail_cache import ThumbnailCache
    from appliance.media.thumbnail import save_presenter_thumbnail

    target, cache = request.output.with_name("presenter.jpg"), ThumbnailCache(request.config.root)
    if not target.exists():
        with suppress(LecternError, OSError):
            save_presenter_thumbnail(request.presenter, target)
    if cache.get(request.presenter) is None:
        cache.put(request.presenter, target)


def _save_result_thumbnail(request: RenderRequest) -> None:
    """Store a small thumbnail of the finished video, for the panel's lists."""
    from appliance.files.thumbnail_cache import ThumbnailCache
    from appliance.media.thumbnail import save_list_thumbnail

    small = request.output.with_name("small.jpg")
    with suppress(OSError):
        save_list_thumbnail(request.output.with_suffix(".jpg"), small)
        ThumbnailCache(request.config.root).put(request.output, small)


if __name__ == "__main__":
    main()
