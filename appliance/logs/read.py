"""Reads the log: its last lines, and new lines as they are written."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from appliance.logs.line import LogLine

LogFilter = Callable[[LogLine], bool]


def last_lines(path: Path, count: int, matches: LogFilter = lambda line: True) -> list[LogLine]:
    """Return the newest ``count`` lines of the log ``path`` that match ``matches``, oldest first.

    Rotated files are searched as far as necessary; incomplete lines are skipped.
    """
    found: list[LogLine] = []
    for file in _log_files(path):
        if len(found) >= count:
            break
        try:
            with file.open("rb") as stream:
                lines = (_parse_line(raw) for raw in stream)
                matching = deque(
                    (line for line in lines if line and matches(line)), maxlen=count - len(found)
                )
        except OSError:  # just rotated or deleted
            continue
        found = [*matching, *found]
    return found


def follow(
    path: Path,
    matches: LogFilter = lambda line: True,
    *,
    pause: Callable[[], None] = lambda: time.sleep(0.5),
) -> Iterator[LogLine]:
    """Yield the lines that are written to the log ``path`` from now on and match ``matches``.

    This generator never ends. ``pause`` is called before each new attempt to read. A rotated file
    is read to its end first.
    """
    stream: BinaryIO | None = None
    partial, first = b"", True
    try:
        while True:
            if stream is None:
                stream = _open(path)
                if stream is not None and first:
                    stream.seek(0, os.SEEK_END)
            first = False
            block = b"" if stream is None else stream.read()
            *lines, partial = (partial + block).split(b"\n")
            for raw in lines:
                line = _parse_line(raw)
                if line is not None and matches(line):
                    yield line
            if not block and stream is not None and _was_rotated(stream, path):
                stream.close()
                stream, partial = None, b""
            elif not block:
                pause()
    finally:
        if stream is not None:
            stream.close()


def _log_files(path: Path) -> list[Path]:
    """Return the files of the log, newest first."""
    rotated = [
        (int(file.suffix[1:]), file)
        for file in path.parent.glob(path.name + ".*")
        if file.suffix[1:].isdecimal()
    ]
    return [path, *(file for _, file in sorted(rotated))]


def _parse_line(raw: bytes) -> LogLine | None:
    return LogLine.parse(raw.rstrip(b"\n").decode("utf-8", "replace"))


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except OSError:
        return None


def _was_rotated(stream: BinaryIO, path: Path) -> bool:
    """Return whether ``path`` is now a different file than the open ``stream``."""
    try:
        return not os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        return False
