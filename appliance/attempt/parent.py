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

from appliance.attempt.protocol import (
    ProgressCallback,
    ProgressUpdate,
    RenderRequest,
    StopRequested,
)
from appliance.errors import Fault, LecternError

_POLL_INTERVAL_S = 0.5  # maximum time between two calls of ``on_progress``

_EXIT_TIMEOUT_S = 10.0


def run_attempt(
    request: RenderRequest, on_progress: ProgressCallback, *, stall_timeout_s: float = 1800.0
) -> dict[str, Any]:
    """Execute ``request`` in a child process and return the report.

    Raises ``StopRequested`` when ``on_progress`` has requested it, ``BadInput`` and ``Fault`` from
    the rendering, ``Fault("processing_crashed")`` when a signal ended the child, and
    ``Fault("processing_failed")`` when it ended without a report or reported nothing for
    ``stall_timeout_s`` seconds.
    """
    command = [sys.executable, "-m", "appliance.attempt.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(request.to_json().encode() + b"\n")
            child.stdin.flush()
            last = _read_updates(child, on_progress, stall_timeout_s)
        except BrokenPipeError:
            last = None
        finally:
            child.kill()
    return _report_or_raise(last, child.returncode)


def _read_updates(
    child: subprocess.Popen[bytes], on_progress: ProgressCallback, stall_s: float
) -> dict[str, Any] | None:
    """Pass progress updates to ``on_progress`` and return the final line.

    Returns ``None`` if the child ends without one.
    """
    assert child.stdout is not None
    last_report_at, stop_sent, buffer = time.monotonic(), False, b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            ready = selector.select(_POLL_INTERVAL_S)
            updates: list[ProgressUpdate | None] = [None]
            if ready:
                last_report_at = time.monotonic()
                block = os.read(child.stdout.fileno(), 1 << 16)
                *lines, buffer = (buffer + block).split(b"\n")
                messages = [json.loads(line) for line in lines]
                updates += [ProgressUpdate(**m["progress"]) for m in messages if "progress" in m]
                last = next((m for m in messages if "progress" not in m), None)
                if last is not None or not block:
                    for update in updates:
                        on_progress(update)
                    if last is None:
                        _await_exit(child)
                    return last
            elif time.monotonic() - last_report_at > stall_s:
                return {"stalled": round(stall_s / 60)}
            if any([on_progress(update) for update in updates]) and not stop_sent:
                stop_sent = True
                child.terminate()


def _await_exit(child: subprocess.Popen[bytes]) -> None:
    """Wait for the child, whose output is closed, so that its exit status is known."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_EXIT_TIMEOUT_S)


def _report_or_raise(last: dict[str, Any] | None, status: int) -> dict[str, Any]:
    if last is None and status < 0:  # out of memory, or a crash in a library
        raise Fault("processing_crashed", reason=_describe_status(status))
    if last is None:
        raise Fault(
            "processing_failed", reason=f"it ended without a report, {_describe_status(status)}"
        )
    if "stalled" in last:
        raise Fault("processing_failed", reason=f"no progress report for {last['stalled']} min")
    if "stopped" in last:
        raise StopRequested
    if "error" in last:
        raise LecternError.from_dict(last)
    report: dict[str, Any] = last["report"]
    return report


def _describe_status(status: int) -> str:
    """Describe an exit status; signals are negative."""
    try:
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    except ValueError:
        return f"signal {-status}"
