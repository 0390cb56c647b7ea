"""The daemon's side of an attempt: starts the child process, reads its reports, detects its end."""

from __future__ import annotations

import json
import math
import os
import selectors
import signal
import time
from pathlib import Path
from typing import Any

from appliance.attempt.protocol import (
    ProgressCallback,
    ProgressUpdate,
    RenderRequest,
    StopRequested,
)
from appliance.errors import Fault, LecternError
from appliance.files.learning_recordings import recordings_folder
from appliance.system.confined import ConfinedChild, Confinement, confined_child

_POLL_INTERVAL_S = 0.5  # maximum time between two calls of ``on_progress``

_EXIT_TIMEOUT_S = 10.0

CHILD_MODULE = "appliance.attempt.child"
HARDWARE_FOLDER = Path("state", "hardware")
"""Folder of the root folder for what was measured on this device: providers, encoders."""

_MEMORY_SHARE = 0.9
_FILE_MB = 128 * 1024  # eight hours of 4K
_OPEN_FILES = 1024


def run_attempt(
    request: RenderRequest,
    on_progress: ProgressCallback,
    *,
    stall_timeout_s: float = 1800.0,
    stop_timeout_s: float = 300.0,
    module: str = CHILD_MODULE,
) -> dict[str, Any]:
    """Execute ``request`` in a confined child process and return the report.

    Raises ``StopRequested`` when ``on_progress`` has requested it, also if the child dies meanwhile
    or has to be killed, because it does not end within ``stop_timeout_s`` seconds. Raises
    ``BadInput`` and ``Fault`` from the rendering, ``Fault("processing_crashed")`` when a signal
    ended the child, and ``Fault("processing_failed")`` when it ended without a report or reported
    nothing for ``stall_timeout_s`` seconds. ``module`` is executed in the child.
    """
    with confined_child(module, confinement_of(request)) as child:
        assert child.process.stdin is not None
        try:
            child.process.stdin.write(request.to_json().encode() + b"\n")
            child.process.stdin.flush()
            last = _read_updates(child, on_progress, stall_timeout_s, stop_timeout_s)
        except BrokenPipeError:
            last = None
        status = child.wait(_EXIT_TIMEOUT_S) if last is None else 0
    return _report_or_raise(last, status)


def confinement_of(request: RenderRequest) -> Confinement:
    """Return what the child of ``request`` may use.

    It may take most of the device's memory, as the plan decides, and a graphics processor. Its
    processor time has no limit, because a lecture of eight hours takes days on a small device; the
    progress is watched instead.
    """
    root = request.config.root
    folders = [request.folder, request.output.parent, root / "cache", root / HARDWARE_FOLDER]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    total_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    sources = (request.presenter, request.lecture, request.transcript)
    readable = [path for path in sources if path is not None] + recordings_folder(root)
    readable += request.config.lips.model_files()
    return Confinement(
        memory_mb=round(_MEMORY_SHARE * total_mb),
        cpu_s=None,
        file_mb=_FILE_MB,
        open_files=_OPEN_FILES,
        readable=tuple(readable),
        writable=tuple(folders),
        devices=True,
    )


def _read_updates(
    child: ConfinedChild, on_progress: ProgressCallback, stall_s: float, stop_s: float
) -> dict[str, Any] | None:
    """Pass progress updates to ``on_progress`` and return the final line.

    Returns ``None`` if the child ends without one.
    """
    stdout = child.process.stdout
    assert stdout is not None
    last_report_at, stop_sent_at, buffer = time.monotonic(), math.inf, b""
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while True:
            ready = selector.select(_POLL_INTERVAL_S)
            updates: list[ProgressUpdate | None] = [None]
            if ready:
                last_report_at = time.monotonic()
                block = os.read(stdout.fileno(), 1 << 16)
                *lines, buffer = (buffer + block).split(b"\n")
                messages = [json.loads(line) for line in lines]
                updates += [ProgressUpdate(**m["progress"]) for m in messages if "progress" in m]
                last = next((m for m in messages if "progress" not in m), None)
                if last is not None or not block:
                    # A request that arrives now is not lost with a child that dies now.
                    stops = [on_progress(update) for update in updates]
                    stopped = any(stops) or stop_sent_at < math.inf
                    return {"stopped": True} if last is None and stopped else last
            elif time.monotonic() - last_report_at > stall_s:
                return {"stalled": round(stall_s / 60)}
            if any([on_progress(update) for update in updates]) and stop_sent_at == math.inf:
                stop_sent_at = time.monotonic()
                child.terminate()
            if time.monotonic() - stop_sent_at > stop_s:
                return {"stopped": True}  # the caller kills it


def _report_or_raise(last: dict[str, Any] | None, status: int | None) -> dict[str, Any]:
    if last is None and status is None:
        raise Fault("processing_failed", reason="it closed its output, but did not end")
    if last is None and status is not None and status < 0:  # out of memory, or a crash in a library
        raise Fault("processing_crashed", reason=_describe_status(status))
    if last is None:
        raise Fault(
            "processing_failed",
            reason=f"it ended without a report, {_describe_status(status or 0)}",
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
