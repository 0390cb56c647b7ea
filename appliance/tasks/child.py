"""Examines untrusted files in a confined child process; see :mod:`appliance.system.confined`.

The request is one JSON line on standard input:

    {"task": "preflight", "presenter": …, "lecture": …, "config": …, "target": …, "at_s": …,
     "learn": …}

The reply is one JSON line, ``{"result": …}`` or an error
(:meth:`~appliance.errors.LecternError.to_dict`).
"""

from __future__ import annotations

import json
import math
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
from appliance.files.learning_recordings import recordings_folder
from appliance.system.confined import Confinement, confined_child
from appliance.system.process import exit_with_parent, private_stdout

TIMEOUT_S = 180.0
"""Seconds after which a child is considered to hang."""

_POLL_INTERVAL_S = 0.5
_MEMORY_MB = 2048  # of the child's data; a face in a 4K video needs a quarter of it
_FILE_MB = 64  # a thumbnail, or an excerpt of a few seconds
_THREADS = 4  # that may use the processor for as long as the time limit
_DOCTOR_OPEN_FILES = 4096

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
    limits = _confinement(task, presenter, lecture, target, config, timeout_s)
    with confined_child("appliance.tasks.child", limits) as confined:
        child = confined.process
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
            # Not communicate(), which closes the child's input and thereby ends it.
            reply = _read_reply(child, timeout_s, is_cancelled)
        except (BrokenPipeError, ValueError) as error:
            raise Fault("processing_failed", reason="the check ended without a result") from error
    if "error" in reply:
        raise LecternError.from_dict(reply)
    return reply["result"]


def _confinement(
    task: str,
    presenter: Path | None,
    lecture: Path | None,
    target: Path | None,
    config: Config,
    timeout_s: float,
) -> Confinement:
    """Return what the child may use: the files of the request, and the folder of the target.

    Learning from a presenter also uses the recordings, the cache and the lip model of ``config``.
    """
    root = config.root
    if task == "doctor":  # reads no users' files, examines the whole device and builds engines
        everything = (Path("/"),)
        return Confinement(
            1 << 20, None, 1 << 20, _DOCTOR_OPEN_FILES, everything, everything, devices=True
        )
    folders = [root / "cache"] if task == "enrolment" else []
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    if target is not None:
        folder = target if task == "excerpt" else target.parent
        folder.mkdir(parents=True, exist_ok=True)
        folders.append(folder)
    readable = [path for path in (presenter, lecture) if path is not None]
    if task == "enrolment":
        readable += [*recordings_folder(root), *config.lips.model_files()]
    return Confinement(
        memory_mb=_MEMORY_MB,
        cpu_s=math.ceil(timeout_s) * _THREADS,
        file_mb=_FILE_MB,
        readable=tuple(readable),
        writable=tuple(folders),
    )


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
        except MemoryError:  # a file that describes far more than it contains
            reply = Fault("out_of_memory").to_dict()
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
