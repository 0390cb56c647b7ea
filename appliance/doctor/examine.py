"""Run all checks in order; an exception in a check becomes a finding, not a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from appliance.doctor.context import Context
from appliance.doctor.engines import codecs, engines
from appliance.doctor.house import daemon, disk, models, panel, share, voices
from appliance.doctor.line import Line, of_error, warn
from appliance.doctor.machine import clock, heat, jetson, machine
from appliance.errors import LecternError

Check = Callable[[Context], Iterator[Line]]

CHECKS: dict[str, Check] = {
    "machine": machine,
    "jetson": jetson,
    "heat": heat,
    "clock": clock,
    "disk": disk,
    "models": models,
    "engines": engines,
    "codecs": codecs,
    "voices": voices,
    "panel": panel,
    "daemon": daemon,
    "share": share,
}

_NEEDED = {"models", "engines", "codecs"}  # rendering is impossible if one of these fails


@dataclass(frozen=True)
class Finding:
    """A finding together with the name of its check."""

    check: str
    line: Line


def examine(context: Context) -> Iterator[Finding]:
    """Run all checks and yield each finding as soon as it is available."""
    for name, check in CHECKS.items():
        try:
            for line in check(context):
                yield Finding(name, line)
        except LecternError as error:
            yield Finding(name, of_error(error))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            broken = warn("check_broken", name=name, reason=reason)
            yield Finding(name, replace(broken, level="fail") if name in _NEEDED else broken)


def exit_status(findings: list[Finding]) -> int:
    """Return 1 if a finding prevents rendering, else 0."""
    return int(any(finding.line.level == "fail" for finding in findings))
