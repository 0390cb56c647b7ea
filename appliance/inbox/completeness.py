"""Checks in a child process whether files look complete.

The child is confined (see :mod:`appliance.system.confined`). A damaged file may crash a decoder or
make it hang. The child process then ends, and the file counts
as complete: the worker, which also renders in a child process, reports the reason.
"""

from __future__ import annotations

import importlib
import os
import selectors
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from appliance.errors import BadInput
from appliance.system.confined import Confinement, confined_child

INCOMPLETE_CODES = frozenset({
    "audio_missing", "audio_too_short", "audio_unreadable", "file_empty", "file_truncated",
    "not_media", "picture_unreadable", "text_empty", "text_unreadable", "video_missing",
})  # fmt: skip
"""Error codes that a file may cause while it is still being copied."""

FILE_TIMEOUT_S = 60.0
"""Time limit for the check of one file, in seconds; an hour of video takes a few seconds."""


_STARTUP_TIMEOUT_S = 120.0  # loading the libraries is slow on a busy device
_POLL_INTERVAL_S = 0.2
_MEMORY_MB = 1024  # of the child's data; a 4K video needs a quarter of it

IsStopped = Callable[[], bool]


def find_incomplete(
    paths: Sequence[Path],
    timeout_s: float = FILE_TIMEOUT_S,
    is_stopped: IsStopped = lambda: False,
) -> set[Path]:
    """Return those of ``paths`` that look incomplete.

    A file that crashes the child process, or takes longer than ``timeout_s`` seconds, counts as
    complete. When ``is_stopped`` returns true, the check ends; the files that were not checked are
    returned as incomplete.
    """
    incomplete: set[Path] = set()
    remaining = list(paths)
    while remaining and not is_stopped():
        answers = _check_in_child(remaining, timeout_s, is_stopped)
        incomplete.update(path for path, answer in zip(remaining, answers, strict=False) if answer)
        if is_stopped():
            return incomplete.union(remaining[len(answers) :])
        remaining = remaining[len(answers) + 1 :]  # skip the file without an answer
    return incomplete.union(remaining)


def _check_in_child(paths: Sequence[Path], timeout_s: float, is_stopped: IsStopped) -> list[bool]:
    """Return the answers of one child process, in order, up to the file at which it ended."""
    limits = Confinement(
        memory_mb=_MEMORY_MB,
        cpu_s=round(_STARTUP_TIMEOUT_S + timeout_s * len(paths)),
        file_mb=1,
        readable=tuple(paths),
    )
    answers: list[bool] = []
    with (
        confined_child("appliance.inbox.completeness", limits, quiet=True) as confined,
        selectors.DefaultSelector() as selector,
    ):
        child = confined.process
        assert child.stdin is not None and child.stdout is not None
        selector.register(child.stdout, selectors.EVENT_READ)
        with suppress(BrokenPipeError):
            fd = child.stdout.fileno()
            if _read_answer(fd, selector, _STARTUP_TIMEOUT_S, is_stopped) is None:
                return []
            for path in paths:
                child.stdin.write(os.fsencode(path).hex().encode() + b"\n")
                child.stdin.flush()
                answer = _read_answer(fd, selector, timeout_s, is_stopped)
                if answer is None:
                    break
                answers.append(answer)
    return answers


def _read_answer(
    fd: int, selector: selectors.BaseSelector, timeout_s: float, is_stopped: IsStopped
) -> bool | None:
    """Read one answer of the child process.

    Returns ``None`` if the child has ended, exceeds the time limit, or ``is_stopped`` returns true.
    """
    end = time.monotonic() + timeout_s
    while not selector.select(_POLL_INTERVAL_S):
        if time.monotonic() >= end or is_stopped():
            return None
    byte = os.read(fd, 1)
    return byte == b"1" if byte else None


# The child process


def looks_incomplete(path: Path) -> bool:
    """Return whether ``path`` fails to open with an error that an unfinished copy would cause."""
    from appliance.files.names import MediaKind, media_kind
    from appliance.media.probe import probe_audio, probe_presenter
    from appliance.speech.document import read_document

    kind = media_kind(path)
    try:
        if kind is MediaKind.PRESENTER:
            probe_presenter(path)
        elif kind is MediaKind.AUDIO:
            probe_audio(path)
        elif kind is MediaKind.TEXT:
            read_document(path)
    except BadInput as error:
        return error.code in INCOMPLETE_CODES
    return False


def main() -> None:
    """Check each path on standard input, one a line in hexadecimal, and write 1 or 0 for each.

    1 means incomplete. An initial 0 is written when the libraries are loaded.
    """
    out = os.dup(1)
    os.dup2(2, 1)  # output of libraries must not get between the answers
    importlib.import_module("appliance.media.probe")
    os.write(out, b"0")
    for line in sys.stdin:
        path = Path(os.fsdecode(bytes.fromhex(line.strip())))
        os.write(out, b"1" if looks_incomplete(path) else b"0")


if __name__ == "__main__":
    main()
