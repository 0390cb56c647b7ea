"""Run all checks in order; an exception in a check becomes a finding, not a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from appliance.doctor.check_inference import check_codecs, check_inference
from appliance.doctor.check_installation import (
    check_backups,
    check_daemon,
    check_disk,
    check_models,
    check_panel,
    check_share,
    check_voices,
)
from appliance.doctor.check_machine import check_clock, check_heat, check_jetson, check_machine
from appliance.doctor.context import DoctorContext
from appliance.doctor.finding import Finding, from_error, warn
from appliance.errors import LecternError

Check = Callable[[DoctorContext], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "machine": check_machine,
    "jetpack": check_jetson,
    "temperature": check_heat,
    "clock": check_clock,
    "disk": check_disk,
    "models": check_models,
    "inference": check_inference,
    "codecs": check_codecs,
    "voices": check_voices,
    "panel": check_panel,
    "daemon": check_daemon,
    "backups": check_backups,
    "share": check_share,
}

# Rendering is impossible if one of these fails.
_REQUIRED_CHECKS = {"models", "inference", "codecs"}


@dataclass(frozen=True)
class CheckFinding:
    """A finding together with the name of its check."""

    check: str
    finding: Finding


def run_checks(context: DoctorContext) -> Iterator[CheckFinding]:
    """Run all checks and yield each finding as soon as it is available."""
    for name, check in CHECKS.items():
        try:
            for finding in check(context):
                yield CheckFinding(name, finding)
        except LecternError as error:
            yield CheckFinding(name, from_error(error))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            failed = warn("check_failed", name=name, reason=reason)
            yield CheckFinding(
                name, replace(failed, level="fail") if name in _REQUIRED_CHECKS else failed
            )


def exit_status(findings: list[CheckFinding]) -> int:
    """Return 1 if a finding prevents rendering, else 0."""
    return int(any(finding.finding.level == "fail" for finding in findings))
