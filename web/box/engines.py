"""Why the box does not compute on the engines that it would rather have used."""

from __future__ import annotations

import json
from pathlib import Path

FRESH_S = 86400.0
"""The daemon tries an engine again after so long, so an older reason may hold no more."""


def refused(root: Path, now: float) -> dict[str, str]:
    """The engines that have failed on the box in ``root`` since a day, each with its last reason;
    what ``appliance.lips`` keeps of them cannot be read: none."""
    try:
        verdicts = json.loads((root / "state" / "engines.json").read_bytes())["verdicts"].values()
        found = [
            (float(verdict["at"]), str(verdict["provider"]), str(verdict["reason"]))
            for verdict in verdicts
            if verdict["reason"] and verdict["provider"] != "cpu"
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {name: reason for at, name, reason in sorted(found) if 0 <= now - at < FRESH_S}
