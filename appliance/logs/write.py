"""Writes the log of a process to a file, which is rotated by size, and to standard error."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from appliance.config import LogsConfig
from appliance.logs.limit import RepeatLimiter
from appliance.logs.line import LogLine

LOG_NAME = "lectern.log"


def log_path(root: Path, name: str = LOG_NAME) -> Path:
    """Return the path of the current log file below the root folder ``root``.

    Rotated files have the suffixes ``.1`` (the newest), ``.2``, … ``name`` is the file name; the
    default is the log of the daemon.
    """
    return root / "logs" / name


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return LogLine.from_record(record).to_text()


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return LogLine.from_record(record).to_json()


class _TolerantFileHandler(RotatingFileHandler):
    """A log file that ignores write errors: a full disk, for example, must not stop the work."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with contextlib.suppress(OSError):  # from flushing lines that could not be written
            super().close()


@contextmanager
def configure_logging(
    root: Path, settings: LogsConfig, name: str = LOG_NAME, *, limit_repeats: bool = False
) -> Iterator[None]:
    """Write all log records inside a ``with`` block to a log file and to standard error.

    ``name`` is the name of the log file below the root folder ``root``; each process has its own.
    Standard error always receives text, the file receives JSON if ``json_lines`` is set. If the log
    file cannot be opened, only a warning is logged. With ``limit_repeats``, similar warnings are
    counted instead of being repeated (:mod:`appliance.logs.limit`).
    """
    terminal: logging.Handler = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_TextFormatter())
    handlers: list[logging.Handler] = [terminal]
    path = log_path(root, name)
    problem = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _TolerantFileHandler(
            path,
            maxBytes=round(settings.max_file_mb * 1_000_000),
            backupCount=settings.backup_count,
            encoding="utf-8",
            errors="backslashreplace",
        )
        file.setFormatter(_JsonFormatter() if settings.json_lines else _TextFormatter())
        handlers.append(file)
    except OSError as error:
        problem = str(error)
    if limit_repeats:
        handlers = [RepeatLimiter(handlers)]
    root_logger = logging.getLogger()
    level = root_logger.level
    root_logger.setLevel(settings.level.upper())
    for handler in handlers:
        root_logger.addHandler(handler)
    try:
        if problem:
            logging.getLogger("lectern").warning("the log file cannot be opened: %s", problem)
        yield
    finally:
        root_logger.setLevel(level)
        for handler in handlers:
            root_logger.removeHandler(handler)
            handler.close()
