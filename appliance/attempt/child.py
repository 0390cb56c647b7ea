"""Executes one attempt at a job in a child process.

A damaged file may crash a decoder, and memory may run out: then only this process ends, and the
daemon continues. The daemon writes an order to the child's standard input and keeps that open; the
attempt reports in JSON lines, and ends at once when the daemon is gone. On ``SIGTERM`` it stops at
the next point from which it can be resumed.
"""

from __future__ import annotations

import fcntl
import json
import os
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
from appliance.errors import BadInput, Fault, LecternError
from appliance.system.malloc import imports_without_gc, limit_malloc_arenas
from appliance.system.process import exit_with_parent

_REPORT_INTERVAL_S = 0.5  # between two progress reports

_INTERRUPTIBLE = {"check", "engine", "voice", "presenter", "speech", "score"}
"""Stages that are interrupted at once. Rendering stops after a chunk, and joining is short."""


class _ReportPipe:
    """Writes progress and the report to the daemon; ``request_stop`` requests an early end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stage = ""
        self._next_report_at = 0.0
        self._step = ProgressUpdate("", 0, 0)
        self.stop = False

    def listen(self, progress: Any) -> None:
        """Report progress; passed to :func:`~appliance.render.render.render_in`.

        Raises ``StopRequested`` if a stop was requested and the stage can be interrupted.
        """
        self._step = ProgressUpdate(progress.stage, progress.done, progress.total)
        if self.stop and progress.stage in _INTERRUPTIBLE:
            raise StopRequested
        if (self._stage, progress.stage) == ("speech", "render"):
            self.send({"step": {**vars(self._step), "saved": True}})
        if progress.stage != self._stage or time.monotonic() >= self._next_report_at:
            self._stage, self._next_report_at = (
                progress.stage,
                time.monotonic() + _REPORT_INTERVAL_S,
            )
            self.send({"step": vars(self._step)})

    def after_chunk(self) -> None:
        """Report that a chunk is finished. Raises ``StopRequested`` if a stop was requested."""
        self.send({"step": {**vars(self._step), "saved": True}})
        if self.stop:
            raise StopRequested

    def send(self, message: dict[str, Any]) -> None:
        """Write one JSON line."""
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()


def main() -> None:
    """Execute the order on standard input; the entry point of the child process."""
    limit_malloc_arenas()
    # Keep output of libraries out of the reports.
    pipe = _ReportPipe(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)

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
    """Render the order and return the final report line."""
    with imports_without_gc():
        from appliance.render.render import render_in
        from appliance.render.scoring import score_report
        from appliance.render.sidecars import write_sidecars

    _save_presenter_thumbnail(request)
    try:
        report = render_in(
            request.folder,
            request.presenter,
            request.lecture,
            request.output,
            request.config,
            on_progress=pipe.listen,
            after_chunk=pipe.after_chunk,
        )
        if request.config.score.enabled:
            report["score"] = score_report(report, request.presenter, pipe.listen)
        write_sidecars(request.output)
        _save_result_thumbnail(request)
    except StopRequested:
        return {"stopped": True}
    except Exception as error:
        if is_out_of_memory(error):
            return _error_to_json(Fault("out_of_memory"))
        if isinstance(error, LecternError):
            return _error_to_json(error)
        traceback.print_exc()
        return _error_to_json(Fault("processing_failed", reason=f"{type(error).__name__}: {error}"))
    return {"report": report}


def _save_presenter_thumbnail(order: RenderRequest) -> None:
    """Write a thumbnail of the presenter for the panel, next to the output and into the cache.

    Errors are ignored: the thumbnail is optional.
    """
    from appliance.files.thumbnail_cache import ThumbnailCache
    from appliance.media.thumbnail import save_presenter_thumbnail

    target, cache = order.output.with_name("presenter.jpg"), ThumbnailCache(order.config.root)
    if not target.exists():
        with suppress(LecternError, OSError):
            save_presenter_thumbnail(order.presenter, target)
    if cache.get(order.presenter) is None:
        cache.put(order.presenter, target)


def _save_result_thumbnail(order: RenderRequest) -> None:
    """Store a small thumbnail of the finished video, for the panel's lists."""
    from appliance.files.thumbnail_cache import ThumbnailCache
    from appliance.media.thumbnail import save_list_thumbnail

    small = order.output.with_name("small.jpg")
    with suppress(OSError):
        save_list_thumbnail(order.output.with_suffix(".jpg"), small)
        ThumbnailCache(order.config.root).put(order.output, small)


def _error_to_json(error: LecternError) -> dict[str, Any]:
    return {
        "error": error.code,
        "details": error.details,
        "input": isinstance(error, BadInput),
    }


if __name__ == "__main__":
    main()
