"""Where the daemon's lines go: a file that is put aside when it has grown, and the terminal."""

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
    """Where the newest lines of the box with the folder ``root`` lie; older files have ``.1`` (the
    newest of them), ``.2``, … behind that name. ``name``: the daemon's, else another process'."""
    return root / "logs" / name


class _TextForm(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return Line.of(record).to_text()


class _JsonForm(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return Line.of(record).to_json()


class _File(RotatingFileHandler):
    """A log that cannot be written, on a full disk for one, must not stop the work."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass

    def close(self) -> None:
        with contextlib.suppress(OSError):  # of what could not be written before
            super().close()


@contextmanager
def logging_to(config: Config, name: str = FILE) -> Iterator[None]:
    """Write what is said inside to the box's log file ``name`` (each process has its own), and as
    text to the standard error."""
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
            logging.getLogger("lectern").warning("the log cannot be kept: %s", problem)
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
