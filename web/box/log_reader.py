"""The box's log: its last lines, those with a word in them, and the whole files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from appliance.errors import BadInput

MAX_LINES = 400
_BLOCK = 1 << 16
_MOST_BYTES = 32 << 20  # no further back than this, whatever is sought
_NAME = re.compile(r"[\w.-]+\.(log|jsonl)(\.\d+)?")

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b", re.IGNORECASE)


def log_files(root: Path) -> list[str]:
    """The names of the log files of the box at ``root``, the newest first."""
    folder = root / "logs"
    try:
        found = [
            (entry.stat().st_mtime, entry.name)
            for entry in os.scandir(folder)
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ]
    except OSError:
        return []
    return [name for _, name in sorted(found, reverse=True)]


def log_path(root: Path, name: str) -> Path:
    """The log file ``name``. Raises ``BadInput("page_missing")`` for anything else."""
    if name not in log_files(root):
        raise BadInput("page_missing")
    return root / "logs" / name


def last_lines(
    path: Path, words: str = "", level: str = "", most: int = MAX_LINES
) -> list[tuple[str, str]]:
    """The last ``most`` lines that hold all ``words`` and are at least ``level``, oldest first,
    each after its level ("" for one that has none, as within a traceback).

    Raises ``BadInput("file_unreadable")``.
    """
    sought = words.casefold().split()
    least = LEVELS.index(level) if level in LEVELS else 0
    found: list[tuple[str, str]] = []
    try:
        for line in _backwards(path):
            plain = line.casefold()
            rank = _level(line)
            if least and (rank not in LEVELS or LEVELS.index(rank) < least):
                continue
            if all(word in plain for word in sought):
                found.append((rank, line))
                if len(found) == most:
                    break
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput("file_unreadable", name=path.name, reason=reason) from error
    return found[::-1]


def _level(line: str) -> str:
    match = _LEVEL.search(line[:120])
    if match is None:
        return ""
    word = match[1].upper()
    return "ERROR" if word == "CRITICAL" else word


def _backwards(path: Path) -> Iterator[str]:
    """The lines of a file from its end, read in blocks."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        stop = max(position - _MOST_BYTES, 0)
        rest = b""
        while position > stop:
            size = min(_BLOCK, position - stop)
            position -= size
            file.seek(position)
            lines = (file.read(size) + rest).split(b"\n")
            rest = lines[0]
            yield from (_text(line) for line in reversed(lines[1:]) if line.strip())
        if rest.strip():
            yield _text(rest)


def _text(line: bytes) -> str:
    text = line.decode("utf-8", "replace").rstrip("\r")[:2000]
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in text)
