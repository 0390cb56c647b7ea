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

from appliance.attempt.leash import end_with_parent
from appliance.attempt.order import Order, Step, Stopped
from appliance.attempt.relief import is_shortage
from appliance.errors import BadInput, Fault, LecternError
from appliance.heap import few_arenas, loading

_TICK_S = 0.5  # between two progress reports

_INTERRUPTIBLE = {"check", "engine", "voice", "presenter", "speech", "score"}
"""Stages that are interrupted at once. Rendering stops after a chunk, and joining is short."""


class _Speaker:
    """Writes progress and the final report to the daemon; ``stop`` requests an early end."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stage = ""
        self._next = 0.0
        self._step = Step("", 0, 0)
        self.stop = False

    def listen(self, progress: Any) -> None:
        """Report progress; passed to :func:`~appliance.render.render.render_in`.

        Raises ``Stopped`` if a stop was requested and the stage can be interrupted.
        """
        self._step = Step(progress.stage, progress.done, progress.total)
        if self.stop and progress.stage in _INTERRUPTIBLE:
            raise Stopped
        if (self._stage, progress.stage) == ("speech", "render"):
            self.say({"step": {**vars(self._step), "saved": True}})
        if progress.stage != self._stage or time.monotonic() >= self._next:
            self._stage, self._next = progress.stage, time.monotonic() + _TICK_S
            self.say({"step": vars(self._step)})

    def after_chunk(self) -> None:
        """Report that a chunk is finished. Raises ``Stopped`` if a stop was requested."""
        self.say({"step": {**vars(self._step), "saved": True}})
        if self.stop:
            raise Stopped

    def say(self, word: dict[str, Any]) -> None:
        """Write one JSON line."""
        self._out.write(json.dumps(word) + "\n")
        self._out.flush()


def main() -> None:
    """Execute the order on standard input; the entry point of the child process."""
    few_arenas()
    # Keep output of libraries out of the reports.
    speaker = _Speaker(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)

    def stop(number: int, frame: FrameType | None) -> None:
        speaker.stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the daemon handles Ctrl-C
    order = Order.from_json(sys.stdin.readline())
    end_with_parent()
    with _alone(order.folder):
        speaker.say(_carry_out(order, speaker))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, after waiting for any attempt left over from a killed daemon."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _carry_out(order: Order, speaker: _Speaker) -> dict[str, Any]:
    """Render the order and return the final report line."""
    with loading():
        from appliance.render.extras import save_extras
        from appliance.render.render import render_in
        from appliance.render.worth import score_of

    _show(order)
    try:
        report = render_in(
            order.folder,
            order.presenter,
            order.lecture,
            order.output,
            order.config,
            listen=speaker.listen,
            after_chunk=speaker.after_chunk,
        )
        if order.config.score.enabled:
            report["score"] = score_of(report, order.presenter, speaker.listen)
        save_extras(order.output)
        _keep_small(order)
    except Stopped:
        return {"stopped": True}
    except Exception as error:
        if is_shortage(error):
            return _error(Fault("memory_ran_out"))
        if isinstance(error, LecternError):
            return _error(error)
        traceback.print_exc()
        return _error(Fault("work_failed", reason=f"{type(error).__name__}: {error}"))
    return {"report": report}


def _show(order: Order) -> None:
    """Write a thumbnail of the presenter for the panel, next to the output and into the cache.

    Errors are ignored: the thumbnail is optional.
    """
    from appliance.jobs.pictures import Pictures
    from appliance.media.thumbnail import save_presenter

    target, kept = order.output.with_name("presenter.jpg"), Pictures(order.config.root)
    if not target.exists():
        with suppress(LecternError, OSError):
            save_presenter(order.presenter, target)
    if kept.of(order.presenter) is None:
        kept.keep(order.presenter, target)


def _keep_small(order: Order) -> None:
    """Store a small thumbnail of the finished video, for the panel's lists."""
    from appliance.jobs.pictures import Pictures
    from appliance.media.thumbnail import save_small

    small = order.output.with_name("small.jpg")
    with suppress(OSError):
        save_small(order.output.with_suffix(".jpg"), small)
        Pictures(order.config.root).keep(order.output, small)


def _error(error: LecternError) -> dict[str, Any]:
    return {
        "error": error.code,
        "details": error.details,
        "input": isinstance(error, BadInput),
    }


if __name__ == "__main__":
    main()
