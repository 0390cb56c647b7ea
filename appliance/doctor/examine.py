"""All checks in their order; one that breaks is a finding, never a traceback."""

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

_NEEDED = {"models", "engines", "codecs"}  # without these there is no video


@dataclass(frozen=True)
class Finding:
    """A line and the check that it came from."""

    check: str
    line: Line


def examine(context: Context) -> Iterator[Finding]:
    """The findings, as they are made."""
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
    """1 where something keeps videos from being made, else 0."""
    return int(any(finding.line.level == "fail" for finding in findings))
