"""The daemon's side of an attempt: starts the child process, reads its reports, detects its end."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import Any

from appliance.attempt.order import Order, Step, Stopped, Watch
from appliance.errors import BadInput, Fault

_TICK_S = 0.5  # maximum time between two calls of ``watch``

_LAST_BREATH_S = 10.0


def run_attempt(order: Order, watch: Watch, *, stall_s: float = 1800.0) -> dict[str, Any]:
    """Execute ``order`` in a child process and return the report.

    Raises ``Stopped`` when ``watch`` has requested it, ``BadInput`` and ``Fault`` from the
    rendering, ``Fault("work_died")`` when a signal ended the child, and ``Fault("work_failed")``
    when it ended without a report or reported nothing for ``stall_s`` seconds.
    """
    command = [sys.executable, "-m", "appliance.attempt.child"]
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
    """Pass steps to ``watch`` and return the final report.

    Returns ``None`` if the child ends without one.
    """
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
    """Wait for the child, whose output is closed, so that its exit status is known."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_LAST_BREATH_S)


def _outcome(last: dict[str, Any] | None, status: int) -> dict[str, Any]:
    if last is None and status < 0:  # out of memory, or a crash in a library
        raise Fault("work_died", reason=_status(status))
    if last is None:
        raise Fault("work_failed", reason=f"it ended without a report, {_status(status)}")
    if "stalled" in last:
        raise Fault("work_failed", reason=f"no progress report for {last['stalled']} min")
    if "stopped" in last:
        raise Stopped
    if "error" in last:
        kind = BadInput if last["input"] else Fault
        raise kind(last["error"], **last["details"])
    report: dict[str, Any] = last["report"]
    return report


def _status(status: int) -> str:
    """Describe an exit status; signals are negative."""
    try:
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    except ValueError:
        return f"signal {-status}"
