"""One attempt at a job, in a process of its own.

A damaged file may crash a decoder, and memory may run out: then this process ends, and the daemon
goes on. The daemon writes an order to its standard input and keeps that open; the attempt answers
with JSON lines, and ends at once when the daemon is gone. ``SIGTERM`` asks it to stop where it can
go on later.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from appliance.config import Config
from appliance.errors import BadInput, Fault, LecternError

_TICK_S = 0.5  # between two signs of life, and two looks at what is asked

_LAST_BREATH_S = 10.0

_INTERRUPTIBLE = {"check", "voice", "presenter", "speech"}
"""Stages that are left at once; rendering is left after a chunk, and the rest is short."""


class Stopped(Exception):
    """The attempt ended early because it was asked to; what is finished is kept."""


@dataclass(frozen=True)
class Order:
    """What to render, and the ``folder`` to do it in and to go on from."""

    folder: Path
    presenter: Path
    lecture: Path
    output: Path
    config: Config

    def to_json(self) -> str:
        """One line. Paths are hexadecimal: a file name need not be valid text."""
        paths = {name: os.fsencode(getattr(self, name)).hex() for name in _PATHS}
        return json.dumps({**paths, "config": self.config.model_dump(mode="json")})

    @classmethod
    def from_json(cls, line: str) -> Order:
        """What :meth:`to_json` wrote."""
        values = json.loads(line)
        paths = {name: Path(os.fsdecode(bytes.fromhex(values[name]))) for name in _PATHS}
        return cls(**paths, config=Config.model_validate_json(json.dumps(values["config"])))


_PATHS = ("folder", "presenter", "lecture", "output")


@dataclass(frozen=True)
class Step:
    """Where the attempt is: ``done`` of ``total`` units of a stage.

    For the stages see :class:`~appliance.render.render.Progress`. ``saved``: something was just
    finished that no later attempt does again, the preparation or a chunk.
    """

    stage: str
    done: int
    total: int
    saved: bool = False


Watch = Callable[["Step | None"], bool]
"""Told each step, and ``None`` at least twice a second; whether the attempt is to stop."""


def run_attempt(order: Order, watch: Watch, *, stall_s: float = 1800.0) -> dict[str, Any]:
    """Carry out ``order`` in a child process; gives the report.

    Raises ``Stopped`` when ``watch`` wished it so, ``BadInput`` and ``Fault`` from the rendering,
    and ``Fault("work_failed")`` when the child died or said nothing for ``stall_s`` seconds.
    """
    command = [sys.executable, "-m", "appliance.attempt"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(order.to_json().encode() + b"\n")
            child.stdin.flush()
            last = _follow(child, watch, stall_s)
        except BrokenPipeError:
            last = None
        finally:
            child.kill()
    return _outcome(last, child.returncode)


def _follow(child: subprocess.Popen[bytes], watch: Watch, stall_s: float) -> dict[str, Any] | None:
    """Pass steps on until the child's last word, which is no step; ``None`` if it has none."""
    assert child.stdout is not None
    heard, asked, rest = time.monotonic(), False, b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            ready = selector.select(_TICK_S)
            steps: list[Step | None] = [None]
            if ready:
                heard = time.monotonic()
                block = os.read(child.stdout.fileno(), 1 << 16)
                *lines, rest = (rest + block).split(b"\n")
                words = [json.loads(line) for line in lines]
                steps += [Step(**word["step"]) for word in words if "step" in word]
                last = next((word for word in words if "step" not in word), None)
                if last is not None or not block:
                    for step in steps:
                        watch(step)
                    if last is None:
                        _let_end(child)
                    return last
            elif time.monotonic() - heard > stall_s:
                return {"stalled": round(stall_s / 60)}
            if any([watch(step) for step in steps]) and not asked:
                asked = True
                child.terminate()


def _let_end(child: subprocess.Popen[bytes]) -> None:
    """Its output is closed, so it is about to end: how, is worth knowing."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_LAST_BREATH_S)


def _outcome(last: dict[str, Any] | None, status: int) -> dict[str, Any]:
    if last is None:
        reason = f"it ended by itself, {_status(status)}"
        raise Fault("work_failed", reason=reason)
    if "stalled" in last:
        raise Fault("work_failed", reason=f"no sign of life for {last['stalled']} min")
    if "stopped" in last:
        raise Stopped
    if "error" in last:
        kind = BadInput if last["input"] else Fault
        raise kind(last["error"], **last["details"])
    report: dict[str, Any] = last["report"]
    return report


def _status(status: int) -> str:
    """An exit status in words; signals are negative."""
    try:
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    except ValueError:
        return f"signal {-status}"


# The child


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
    # What libraries print must not come between the answers.
    speaker = _Speaker(os.fdopen(os.dup(1), "w"))
    os.dup2(2, 1)

    def stop(number: int, frame: FrameType | None) -> None:
        speaker.stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's to handle
    order = Order.from_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_daemon, daemon=True).start()
    with _alone(order.folder):
        speaker.say(_carry_out(order, speaker))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until an attempt that a killed daemon left has ended, too."""
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _end_with_the_daemon() -> None:
    os.read(0, 1)  # never written to, so this returns when the other end is closed
    os._exit(1)


def _carry_out(order: Order, speaker: _Speaker) -> dict[str, Any]:
    """The last word."""
    from appliance.render.render import render_in

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
            report["score"] = _score(order, speaker)
    except Stopped:
        return {"stopped": True}
    except LecternError as error:
        return _error(error)
    except Exception as error:
        traceback.print_exc()
        return _error(Fault("work_failed", reason=f"{type(error).__name__}: {error}"))
    return {"report": report}


def _score(order: Order, speaker: _Speaker) -> dict[str, Any]:
    """What the video is worth; a video that cannot be measured is delivered all the same."""
    from appliance.render.render import Progress
    from appliance.score import score_video

    def listen(done: int, total: int) -> None:
        speaker.listen(Progress("score", done, total))

    try:
        return score_video(order.output, source=order.presenter, progress=listen).as_dict()
    except LecternError as error:
        print(f"lectern: {error}", file=sys.stderr)
        return {}


def _error(error: LecternError) -> dict[str, Any]:
    return {
        "error": error.code,
        "details": error.details,
        "input": isinstance(error, BadInput),
    }


if __name__ == "__main__":
    main()
