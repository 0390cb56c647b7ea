"""Read the device's logs: the newest lines, a search, and the paths of the files."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

from flask import Response

from appliance.errors import BadInput
from appliance.logs.line import LEVELS, LogLine
from appliance.logs.read import last_lines
from appliance.logs.write import LOG_NAME
from web.services.downloads import send_path

log = logging.getLogger("lectern.panel")

MAX_LINES = 400
_NAME = re.compile(r"(lectern|panel)\.log(\.\d+)?")
LOGS = (LOG_NAME, "panel.log")
"""Logs of the daemon and of the panel."""


def list_log_files(root: Path) -> list[str]:
    """Return the names of the log files of the device with the folder ``root``, newest first."""
    try:
        found = [
            (entry.stat().st_mtime, entry.name)
            for entry in os.scandir(root / "logs")
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ]
    except OSError:
        return []
    return [name for _, name in sorted(found, reverse=True)]


def log_file_path(root: Path, name: str) -> Path:
    """Return the path of the log file ``name``.

    Raises ``BadInput("page_not_found")`` for other names.
    """
    if name not in list_log_files(root):
        raise BadInput("page_not_found")
    return root / "logs" / name


def read_lines(root: Path, name: str = LOG_NAME, words: str = "", level: str = "") -> list[LogLine]:
    """Return the newest matching lines of a log and its rotated files, oldest first.

    ``name`` is one of :data:`LOGS`. A line matches if it contains all ``words`` and is at least of
    ``level`` ("": any level). Returns at most ``MAX_LINES`` lines. Raises
    ``BadInput("page_not_found")`` for another name.
    """
    if name not in LOGS:
        raise BadInput("page_not_found")
    search_words = words.casefold().split()
    min_level = level if level in LEVELS else LEVELS[0]

    def wanted(line: LogLine) -> bool:
        if not line.matches(None, min_level):
            return False
        plain = line.to_text().casefold()
        return all(word in plain for word in search_words)

    return last_lines(root / "logs" / name, MAX_LINES, wanted)


def send_log(root: Path, name: str, user: str) -> Response:
    """Return a whole log file as a plain-text download for ``user``.

    ``name`` is one of :func:`list_log_files`. Raises ``BadInput("page_not_found")`` for any other
    name.
    """
    path = log_file_path(root, name)
    log.info("%s downloads the log %s", user, name)
    return send_path(path, "text/plain", as_attachment=True, download_name=f"{name}.txt")
