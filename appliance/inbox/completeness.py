"""Examines files in a child process: what they are, and whether they look complete.

The child is confined (see :mod:`appliance.system.confined`). A damaged file may crash a decoder or
make it hang. The child process then ends, and the file counts as complete: the worker, which also
renders in a child process, reports the reason.
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
from appliance.inbox.content import Content, Examination, content_by_name
from appliance.system.confined import Confinement, confined_child

INCOMPLETE_CODES = frozenset({
    "audio_missing", "audio_too_short", "audio_unreadable", "file_empty", "file_truncated",
    "not_media", "picture_unreadable", "text_empty", "text_unreadable", "video_missing",
})  # fmt: skip
"""Error codes that a file may cause while it is still being copied."""

FILE_TIMEOUT_S = 60.0
"""Time limit for the check of one file, in seconds; an hour of video takes a few seconds."""


_INCOMPLETE = "1"
_STARTUP_TIMEOUT_S = 120.0  # loading the libraries is slow on a busy device
_POLL_INTERVAL_S = 0.2
_MEMORY_MB = 1024  # of the child's data; a 4K video needs a quarter of it

IsStopped = Callable[[], bool]


def examine_files(
    paths: Sequence[Path],
    timeout_s: float = FILE_TIMEOUT_S,
    is_stopped: IsStopped = lambda: False,
) -> Examination:
    """Return which of ``paths`` look incomplete, and what the others are.

    A file that crashes the child process, or takes longer than ``timeout_s`` seconds, counts as
    complete, of unknown content. When ``is_stopped`` returns true, the check ends; the files that
    were not checked are returned as incomplete.
    """
    found = Examination()
    remaining = list(paths)
    while remaining and not is_stopped():
        answers = _check_in_child(remaining, timeout_s, is_stopped)
        for path, answer in zip(remaining, answers, strict=False):
            if answer == _INCOMPLETE:
                found.incomplete.add(path)
            else:
                found.contents[path] = Content(answer)
        if is_stopped():
            found.incomplete.update(remaining[len(answers) :])
            return found
        remaining = remaining[len(answers) + 1 :]  # skip the file without an answer
    found.incomplete.update(remaining)
    return found


def _check_in_child(paths: Sequence[Path], timeout_s: float, is_stopped: IsStopped) -> list[str]:
    """Return the answers of one child process, in order, up to the file at which it ended."""
    limits = Confinement(
        memory_mb=_MEMORY_MB,
        cpu_s=round(_STARTUP_TIMEOUT_S + timeout_s * len(paths)),
        file_mb=1,
        readable=tuple(paths),
    )
    answers: list[str] = []
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
) -> str | None:
    """Read one answer of the child process: a letter.

    Returns ``None`` if the child has ended, exceeds the time limit, or ``is_stopped`` returns true.
    """
    end = time.monotonic() + timeout_s
    while not selector.select(_POLL_INTERVAL_S):
        if time.monotonic() >= end or is_stopped():
            return None
    byte = os.read(fd, 1)
    return byte.decode("ascii") if byte else None


# The child process


def examine(path: Path) -> str:
    """Return the code of the content of ``path``, or ``1`` if it looks incomplete.

    It does if it fails to open with an error that an unfinished copy would cause. A file of an
    unknown suffix may be anything that can be played.
    """
    from appliance.media.probe import probe_audio, probe_presenter
    from appliance.media.roles import has_picture, has_sound, is_still_photo
    from appliance.speech.document import read_document

    promised = content_by_name(path)
    if promised is Content.SUBTITLES:
        return str(promised.value)
    try:
        if is_still_photo(path):
            probe_presenter(path)
            return Content.PHOTO.value
        if promised is Content.TEXT:
            read_document(path)
            return str(promised.value)
        if has_picture(path):
            probe_presenter(path)
            return str((Content.VIDEO if has_sound(path) else Content.SILENT_VIDEO).value)
        probe_audio(path)
        return Content.AUDIO.value
    except BadInput as error:
        unknown = promised is Content.OTHER and error.code in ("not_media", "audio_missing")
        is_incomplete = error.code in INCOMPLETE_CODES and not unknown
        return _INCOMPLETE if is_incomplete else promised.value


def main() -> None:
    """Examine each path on standard input, one a line in hexadecimal, and write a letter for each.

    1 means incomplete. An initial 0 is written when the libraries are loaded.
    """
    out = os.dup(1)
    os.dup2(2, 1)  # output of libraries must not get between the answers
    importlib.import_module("appliance.media.probe")
    os.write(out, b"0")
    for line in sys.stdin:
        path = Path(os.fsdecode(bytes.fromhex(line.strip())))
        os.write(out, examine(path).encode("ascii"))


if __name__ == "__main__":
    main()
