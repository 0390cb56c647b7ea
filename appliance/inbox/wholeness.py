"""Checks in a child process whether files look complete.

A damaged file may crash a decoder or make it hang. The child process then ends, and the file counts
as complete: the worker, whose attempts survive this as well, reports the reason.
"""

from __future__ import annotations

import importlib
import os
import resource
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.errors import BadInput

MAY_GROW = frozenset({
    "audio_missing", "audio_too_short", "audio_unreadable", "file_empty", "file_truncated",
    "not_media", "picture_unreadable", "text_empty", "text_unreadable", "video_missing",
})  # fmt: skip
"""Error codes that a file may cause while it is still being copied."""

LIMIT_S = 60.0
"""Time limit for the check of one file, in seconds; an hour of video takes a few seconds."""


_START_S = 120.0  # loading the libraries is slow on a busy device
_TICK_S = 0.2
_MEMORY = 1 << 30  # limit of the child's data size in bytes; a 4K video needs a quarter of it

Stopped = Callable[[], bool]


def half_copied(
    paths: Sequence[Path], limit_s: float = LIMIT_S, stopped: Stopped = lambda: False
) -> set[Path]:
    """Return those of ``paths`` that look incomplete.

    A file that crashes the child process, or takes longer than ``limit_s`` seconds, counts as
    complete. When ``stopped`` returns true, the check ends; the files that were not checked are
    returned as incomplete.
    """
    growing: set[Path] = set()
    left = list(paths)
    while left and not stopped():
        answers = _ask(left, limit_s, stopped)
        growing.update(path for path, grows in zip(left, answers, strict=False) if grows)
        if stopped():
            return growing.union(left[len(answers) :])
        left = left[len(answers) + 1 :]  # skip the file without an answer
    return growing.union(left)


def _ask(paths: Sequence[Path], limit_s: float, stopped: Stopped) -> list[bool]:
    """Return the answers of one child process, in order, up to the file at which it ended."""
    command = [sys.executable, "-m", "appliance.inbox.wholeness"]
    answers: list[bool] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child, selectors.DefaultSelector() as selector:  # fmt: skip
        assert child.stdin is not None and child.stdout is not None
        selector.register(child.stdout, selectors.EVENT_READ)
        try:
            handle = child.stdout.fileno()
            if _answer(handle, selector, _START_S, stopped) is None:
                return []
            for path in paths:
                child.stdin.write(os.fsencode(path).hex().encode() + b"\n")
                child.stdin.flush()
                answer = _answer(handle, selector, limit_s, stopped)
                if answer is None:
                    break
                answers.append(answer)
        except BrokenPipeError:
            pass
        finally:
            child.kill()
    return answers


def _answer(
    handle: int, selector: selectors.BaseSelector, limit_s: float, stopped: Stopped
) -> bool | None:
    """Read one answer of the child process.

    Returns ``None`` if the child has ended, exceeds the time limit, or ``stopped`` returns true.
    """
    end = time.monotonic() + limit_s
    while not selector.select(_TICK_S):
        if time.monotonic() >= end or stopped():
            return None
    byte = os.read(handle, 1)
    return byte == b"1" if byte else None


# The child process


def looks_half_copied(path: Path) -> bool:
    """Return whether ``path`` fails to open with an error that an unfinished copy would cause."""
    from appliance.inbox.names import Kind, kind_of
    from appliance.media.probe import probe_audio, probe_presenter
    from appliance.speech.document import read_document

    kind = kind_of(path)
    try:
        if kind is Kind.PRESENTER:
            probe_presenter(path)
        elif kind is Kind.SOUND:
            probe_audio(path)
        elif kind is Kind.TEXT:
            read_document(path)
    except BadInput as error:
        return error.code in MAY_GROW
    return False


def main() -> None:
    """Check each path on standard input, one a line in hexadecimal, and write 1 or 0 for each.

    1 means incomplete. An initial 0 is written when the libraries are loaded.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    out = os.dup(1)
    os.dup2(2, 1)  # output of libraries must not get between the answers
    importlib.import_module("appliance.media.probe")
    os.write(out, b"0")
    for line in sys.stdin:
        path = Path(os.fsdecode(bytes.fromhex(line.strip())))
        os.write(out, b"1" if looks_half_copied(path) else b"0")


if __name__ == "__main__":
    main()
