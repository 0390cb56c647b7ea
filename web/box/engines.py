"""Execution providers that are not used because they have failed on this device."""

from __future__ import annotations

import json
from pathlib import Path

FRESH_S = 86400.0
"""Age in seconds above which a failure is ignored: the daemon retries a provider after this
time."""


def refused(root: Path, now: float) -> dict[str, str]:
    """Return the providers that failed within the last day, each with its latest reason.

    ``root`` is the device's folder, ``now`` the time in seconds since 1970. Returns an empty dict
    if the results that ``appliance.lips`` stores cannot be read.
    """
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
