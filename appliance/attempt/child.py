"""One attempt at a job, in a process of its own.

A damaged file may crash a decoder, and memory may run out: then this process ends, and the daemon
goes on. The daemon writes an order to its standard input and keeps that open; the attempt answers
with JSON lines, and ends at once when the daemon is gone. ``SIGTERM`` asks it to stop where it can
go on later.
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

_TICK_S = 0.5  # between two signs of life

_INTERRUPTIBLE = {"check", "engine", "voice", "presenter", "speech", "score"}
"""Stages that are left at once; rendering is left after a chunk, and joining is short."""


class _Speaker:
    """Writes steps and the last word to the daemon, and knows whether to stop."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stage = ""
        self._next = 0.0
        self._step = Step("", 0, 0)
        self.stop = False

    def listen(self, progress: Any) -> None:
        """A listener for :func:`~appliance.render.render.render_in`."""
        self._step = Step(progress.stage, progress.done, progress.total)
        if self.stop and progress.stage in _INTERRUPTIBLE:
            raise Stopped
        if (self._stage, progress.stage) == ("speech", "render"):
            self.say({"step": {**vars(self._step), "saved": True}})
        if progress.stage != self._stage or time.monotonic() >= self._next:
            self._stage, self._next = progress.stage, time.monotonic() + _TICK_S
            self.say({"step": vars(self._step)})

    def after_chunk(self) -> None:
        """A chunk is finished."""
        self.say({"step": {**vars(self._step), "saved": True}})
        if self.stop:
            raise Stopped

    def say(self, word: dict[str, Any]) -> None:
        """Write one line."""
        self._out.write(json.dumps(word) + "\n")
        self._out.flush()


def main() -> None:
    """The child: carry out the order that stands on standard input."""
    few_arenas()
    # What libraries print must not come between the answers.
    speaker = _Speaker(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)

    def stop(number: int, frame: FrameType | None) -> None:
        speaker.stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's to handle
    order = Order.from_json(sys.stdin.readline())
    end_with_parent()
    with _alone(order.folder):
        speaker.say(_carry_out(order, speaker))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until an attempt that a killed daemon left has ended, too."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _carry_out(order: Order, speaker: _Speaker) -> dict[str, Any]:
    """The last word."""
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
    """Lay a small picture of the presenter beside the work, for the panel, and keep it for the time
    after; it is no loss where there is none."""
    from appliance.jobs.pictures import Pictures
    from appliance.media.thumbnail import save_presenter

    target, kept = order.output.with_name("presenter.jpg"), Pictures(order.config.root)
    if not target.exists():
        with suppress(LecternError, OSError):
            save_presenter(order.presenter, target)
    if kept.of(order.presenter) is None:
        kept.keep(order.presenter, target)


def _keep_small(order: Order) -> None:
    """Keep a small picture of the finished video, for the panel's lists."""
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
