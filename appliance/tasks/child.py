"""Examines untrusted files in a child process, so that a crashing decoder does not harm the daemon.

The request is one JSON line on standard input:

    {"task": "preflight", "presenter": …, "lecture": …, "config": …, "target": …, "at_s": …,
     "learn": …}

The reply is one JSON line, ``{"result": …}`` or an error
(:meth:`~appliance.errors.LecternError.to_dict`).
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.config import Config
from appliance.errors import Fault, LecternError
from appliance.system.process import exit_with_parent, private_stdout

TIMEOUT_S = 180.0
"""Seconds after which a child is considered to hang."""

_POLL_INTERVAL_S = 0.5

IsCancelled = Callable[[], bool]
"""Called at least twice a second while waiting for a reply; returns whether it is no longer
needed."""


def run_in_child(
    task: str,
    presenter: Path | None,
    lecture: Path | None,
    config: Config,
    target: Path | None = None,
    *,
    at_s: float = 0.0,
    learn: bool = False,
    timeout_s: float = TIMEOUT_S,
    is_cancelled: IsCancelled = lambda: False,
) -> Any:
    """Execute ``task`` in a child process and return its result.

    ``task`` is one of:

    - ``preflight``: examine the files and write the thumbnail ``target``;
    - ``estimate``: estimate the disk space that the job takes;
    - ``excerpt``: cut an excerpt from ``at_s`` seconds on, into the folder ``target``;
    - ``enrolment``: return what was learned from the presenter; learn now if ``learn`` is true;
    - ``doctor``: examine the device, which needs no files.

    Raises ``BadInput`` for files that cannot be used, ``Fault("processing_failed")`` when the child
    ended without a reply or took longer than ``timeout_s``, and ``Fault("task_interrupted")`` once
    ``is_cancelled`` returns True.
    """
    request = {
        "task": task,
        "presenter": presenter and os.fspath(presenter),
        "lecture": lecture and os.fspath(lecture),
        "config": config.model_dump(mode="json"),
        "target": target and os.fspath(target),
        "at_s": at_s,
        "learn": learn,
    }
    command = [sys.executable, "-m", "appliance.tasks.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            # Not communicate(), which closes the child's input and thereby ends it.
            reply = _read_reply(child, timeout_s, is_cancelled)
        except (BrokenPipeError, ValueError) as error:
            raise Fault("processing_failed", reason="the check ended without a result") from error
        finally:
            child.kill()
    if "error" in reply:
        raise LecternError.from_dict(reply)
    return reply["result"]


def _read_reply(
    child: subprocess.Popen[bytes], timeout_s: float, is_cancelled: IsCancelled
) -> dict[str, Any]:
    assert child.stdout is not None
    end = time.monotonic() + timeout_s
    while not select.select([child.stdout], [], [], min(_POLL_INTERVAL_S, timeout_s))[0]:
        if is_cancelled():
            raise Fault("task_interrupted")
        if time.monotonic() >= end:
            reason = f"the check took more than {timeout_s:.0f} s"
            raise Fault("processing_failed", reason=reason)
    reply: dict[str, Any] = json.loads(child.stdout.readline())
    return reply


def main() -> None:
    """Execute the request on standard input; the entry point of the child process."""
    with private_stdout() as out:
        request = json.loads(sys.stdin.readline())
        exit_with_parent()
        try:
            reply = {"result": _execute(request)}
        except LecternError as error:
            reply = error.to_dict()
        out.write(json.dumps(reply) + "\n")
        out.flush()
        os._exit(0)


def _execute(request: dict[str, Any]) -> Any:
    from appliance.tasks.excerpt import cut_excerpt
    from appliance.tasks.preflight import estimate_disk_mb, preflight

    config = Config.model_validate_json(json.dumps(request["config"]))
    if request["task"] == "doctor":
        from appliance.doctor.checks import run_checks
        from appliance.doctor.context import DoctorContext
        from appliance.doctor.report import as_dict

        return as_dict(list(run_checks(DoctorContext(config))))
    presenter = Path(request["presenter"])
    if request["task"] == "enrolment":
        from appliance.render.enrol import enrol

        return enrol(presenter, config, learn=request["learn"])
    lecture = Path(request["lecture"]) if request["lecture"] else None
    if request["task"] == "preflight":
        return preflight(presenter, lecture, config, Path(request["target"]))
    assert lecture is not None
    if request["task"] == "estimate":
        return estimate_disk_mb(presenter, lecture, config)
    return os.fspath(cut_excerpt(lecture, request["at_s"], Path(request["target"])))


if __name__ == "__main__":
    main()
