"""Notices: what the user should know about a lecture, found before its first chunk is rendered.

They are kept in the workspace, so that a resumed render reports them, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from appliance.files.atomic import write_text

NOTICES_FILE = "notices.json"


class Notice(NamedTuple):
    """A code of the catalogue ``WARNINGS``, a time in seconds, and what its text names."""

    code: str
    at_s: float = 0.0
    details: dict[str, str] = {}  # noqa: RUF012 - never changed


def save_notices(folder: Path, notices: Iterable[Notice]) -> None:
    """Write ``notices`` into the workspace ``folder``. Raises ``Fault("disk_full")``."""
    write_text(folder / NOTICES_FILE, json.dumps(list(notices)))


def load_notices(folder: Path) -> list[Notice]:
    """Return the notices that :func:`save_notices` wrote; none if it was not called."""
    try:
        rows = json.loads((folder / NOTICES_FILE).read_bytes())
    except FileNotFoundError:
        return []
    return [Notice(code, at_s, details) for code, at_s, details in rows]
