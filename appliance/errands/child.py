"""Examines untrusted files in a child process, so that a crashing decoder does not harm the daemon.

The request is one JSON line on standard input:

    {"task": "look", "presenter": …, "lecture": …, "config": …, "target": …, "at_s": …}

The reply is one JSON line, ``{"result": …}`` or ``{"error": …}``.
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

from appliance.attempt.leash import end_with_parent
from appliance.config import Config
from appliance.errors import BadInput, Fault, LecternError

LIMIT_S = 180.0
"""Seconds after which a child is considered to hang."""

_TICK_S = 0.5

Ended = Callable[[], bool]
"""Called at least twice a second while waiting for a reply; returns whether it is no longer
needed."""


def ask_child(
    task: str,
    presenter: Path | None,
    lecture: Path | None,
    config: Config,
    target: Path | None = None,
    *,
    at_s: float = 0.0,
    limit_s: float = LIMIT_S,
    ended: Ended = lambda: False,
) -> Any:
    """Execute ``task`` in a child process and return its result.

    ``task`` is one of:

    - ``look``: examine the files and write the thumbnail ``target``;
    - ``size``: estimate the disk space that the job takes;
    - ``excerpt``: cut an excerpt from ``at_s`` seconds on, into the folder ``target``;
    - ``doctor``: examine the device, which needs no files.

    Raises ``BadInput`` for files that cannot be used, ``Fault("work_failed")`` when the child ended
    without a reply or took longer than ``limit_s``, and ``Fault("errand_interrupted")`` once
    ``ended`` returns True.
    """
    order = {
        "task": task,
        "presenter": presenter and os.fspath(presenter),
        "lecture": lecture and os.fspath(lecture),
        "config": config.model_dump(mode="json"),
        "target": target and os.fspath(target),
        "at_s": at_s,
    }
    command = [sys.executable, "-m", "appliance.errands.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(order).encode() + b"\n")
            child.stdin.flush()
            # Not communicate(), which closes the child's input and thereby ends it.
            answer = _answer(child, limit_s, ended)
        except (BrokenPipeError, ValueError) as error:
            raise Fault("work_failed", reason="the check ended without a result") from error
        finally:
            child.kill()
    if "error" in answer:
        kind = BadInput if answer["input"] else Fault
        raise kind(answer["error"], **answer["details"])
    return answer["result"]


def _answer(child: subprocess.Popen[bytes], limit_s: float, ended: Ended) -> dict[str, Any]:
    assert child.stdout is not None
    end = time.monotonic() + limit_s
    while not select.select([child.stdout], [], [], min(_TICK_S, limit_s))[0]:
        if ended():
            raise Fault("errand_interrupted")
        if time.monotonic() >= end:
            reason = f"the check took more than {limit_s:.0f} s"
            raise Fault("work_failed", reason=reason)
    answer: dict[str, Any] = json.loads(child.stdout.readline())
    return answer


def main() -> None:
    """Execute the request on standard input; the entry point of the child process."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keep output of libraries out of the reply
    order = json.loads(sys.stdin.readline())
    end_with_parent()
    try:
        answer = {"result": _do(order)}
    except LecternError as error:
        bad = isinstance(error, BadInput)
        answer = {"error": error.code, "details": error.details, "input": bad}
    out.write(json.dumps(answer) + "\n")
    out.flush()
    os._exit(0)


def _do(order: dict[str, Any]) -> Any:
    from appliance.errands.excerpt import excerpt
    from appliance.errands.material import look_at, measure_size

    config = Config.model_validate_json(json.dumps(order["config"]))
    if order["task"] == "doctor":
        from appliance.doctor.context import Context
        from appliance.doctor.examine import examine
        from appliance.doctor.report import as_dict

        return as_dict(list(examine(Context(config))))
    presenter = Path(order["presenter"])
    lecture = Path(order["lecture"]) if order["lecture"] else None
    if order["task"] == "look":
        return look_at(presenter, lecture, config, Path(order["target"]))
    assert lecture is not None
    if order["task"] == "size":
        return measure_size(presenter, lecture, config)
    return os.fspath(excerpt(lecture, order["at_s"], Path(order["target"])))


if __name__ == "__main__":
    main()
