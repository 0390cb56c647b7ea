"""Whether files look as if they had arrived whole, asked of a child process.

A damaged file may crash a decoder or keep it busy for ever: then the child ends, and the file is
left to the worker, whose attempts survive such a thing too and give the reason.
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
"""What a file that is still being copied may look like."""

LIMIT_S = 60.0
"""How long one file is looked at; an hour of video takes a few seconds."""


_START_S = 120.0  # a busy box may take its time to load the libraries
_TICK_S = 0.2
_MEMORY = 1 << 30  # bytes of data the child may have; a 4K video takes a quarter

Stopped = Callable[[], bool]


def half_copied(
    paths: Sequence[Path], limit_s: float = LIMIT_S, stopped: Stopped = lambda: False
) -> set[Path]:
    """Those of ``paths`` that look as if their end were still to come.

    A file that brings the child down, or takes it longer than ``limit_s``, is not among them. Once
    ``stopped`` says so, no more are looked at, and nothing is known of them.
    """
    growing: set[Path] = set()
    left = list(paths)
    while left and not stopped():
        answers = _ask(left, limit_s, stopped)
        growing.update(path for path, grows in zip(left, answers, strict=False) if grows)
        if stopped():
            return growing.union(left[len(answers) :])
        left = left[len(answers) + 1 :]  # past the one that gave no answer
    return growing.union(left)


def _ask(paths: Sequence[Path], limit_s: float, stopped: Stopped) -> list[bool]:
    """The child's answers, in order, up to the file at which it ended."""
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
    """One byte; ``None`` when the child has ended, takes too long or is not waited for."""
    end = time.monotonic() + limit_s
    while not selector.select(_TICK_S):
        if time.monotonic() >= end or stopped():
            return None
    byte = os.read(handle, 1)
    return byte == b"1" if byte else None


# The child


def looks_half_copied(path: Path) -> bool:
    """Whether what can be read of ``path`` is what a copy that still goes on would leave."""
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
    """Answer 1 or 0 to each line of standard input, a path in hexadecimal digits; first a 0."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print must not come between the answers
    importlib.import_module("appliance.media.probe")
    os.write(out, b"0")
    for line in sys.stdin:
        path = Path(os.fsdecode(bytes.fromhex(line.strip())))
        os.write(out, b"1" if looks_half_copied(path) else b"0")


if __name__ == "__main__":
    main()
