"""Writes the log of a process to a file, which is rotated by size, and to standard error."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from appliance.config import Config
from appliance.logs.line import Line

FILE = "lectern.log"


def log_file(root: Path, name: str = FILE) -> Path:
    """Return the path of the current log file below the root folder ``root``.

    Rotated files have the suffixes ``.1`` (the newest), ``.2``, … ``name`` is the file name; the
    default is the log of the daemon.
    """
    return root / "logs" / name


class _TextForm(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return Line.of(record).to_text()


class _JsonForm(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return Line.of(record).to_json()


class _File(RotatingFileHandler):
    """A log file that ignores write errors: a full disk, for example, must not stop the work."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with contextlib.suppress(OSError):  # from flushing lines that could not be written
            super().close()


@contextmanager
def logging_to(config: Config, name: str = FILE) -> Iterator[None]:
    """Write all log records inside a ``with`` block to a log file and to standard error.

    ``name`` is the name of the log file; each process has its own. Standard error always receives
    text, the file receives JSON if ``config.logs.json_lines`` is set. If the log file cannot be
    opened, only a warning is logged.
    """
    terminal: logging.Handler = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_TextForm())
    handlers = [terminal]
    path = log_file(config.root, name)
    problem = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _File(
            path,
            maxBytes=round(config.logs.max_mb * 1_000_000),
            backupCount=config.logs.files,
            encoding="utf-8",
            errors="backslashreplace",
        )
        file.setFormatter(_JsonForm() if config.logs.json_lines else _TextForm())
        handlers.append(file)
    except OSError as error:
        problem = str(error)
    root = logging.getLogger()
    level = root.level
    root.setLevel(config.logs.level.upper())
    for handler in handlers:
        root.addHandler(handler)
    try:
        if problem:
            logging.getLogger("lectern").warning("the log file cannot be opened: %s", problem)
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
