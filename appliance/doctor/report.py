"""The doctor's report file: findings, measurements and predictions.

It allows developers without access to the device to compare prediction and measurement.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, TypeVar

from appliance.doctor.checks import CheckFinding, exit_status
from appliance.doctor.context import DoctorContext
from appliance.doctor.roofline import TrialRender, compare_prediction
from appliance.doctor.stage_benchmark import measure_stages
from appliance.errors import BadInput, LecternError
from appliance.inference.manifest import load_manifest
from appliance.inference.precision import benchmark_precisions
from appliance.inference.providers import Providers
from appliance.system.sysfs import read_text
from appliance.telemetry.board import PowerMode, board_model, l4t_version
from appliance.version import software_version

T = TypeVar("T")

_PACKAGES = ("onnxruntime", "numpy", "opencv", "av", "ai-edge-litert", "tensorrt")


def as_dict(findings: Sequence[CheckFinding]) -> dict[str, Any]:
    """Return the JSON values that ``lectern doctor --json`` prints."""
    status = exit_status(list(findings))
    worst = "fail" if status else "ok"
    if not status and any(finding.finding.level == "warn" for finding in findings):
        worst = "warn"
    return {
        "version": software_version(),
        "level": worst,
        "lines": [{"check": f.check, **f.finding.as_dict()} for f in findings],
    }


def build_report(
    context: DoctorContext, findings: Sequence[CheckFinding], trial: TrialRender | Exception
) -> dict[str, Any]:
    """Return the report as JSON values, without host names, addresses or names of user files.

    ``trial`` is the measured rendering or the error that prevented it. A measurement that fails is
    replaced by ``{"failed": ...}`` with the error code, because the report is most needed on a
    device where something is broken.
    """
    stages = _result_or_error(lambda: measure_stages(context.config.video.threads))
    networks = _result_or_error(lambda: _provider_results(context.providers, context))
    root = context.root
    return {
        **as_dict(findings),
        "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(context.now())),
        "machine": {
            "model": board_model(root) or platform.machine(),
            "l4t": l4t_version(root),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "tensorrt": context.providers.versions.tensorrt or None,
            "power_modes": PowerMode(root).names,
            "cpu": sorted(
                set((read_text(root / "proc/cpuinfo") or "").split("\n\n")[0].splitlines())
            ),
        },
        "packages": {
            name: d.version
            for d in distributions()
            if (name := str(d.metadata["Name"]).lower()).startswith(_PACKAGES)
        },
        "reading": json.loads(context.reading.to_json()),
        "networks": _error_entry(networks) if isinstance(networks, Exception) else networks,
        "stages_ms": _error_entry(stages) if isinstance(stages, Exception) else stages,
        "rendering": trial.measurements if isinstance(trial, TrialRender) else _error_entry(trial),
        "predicted": compare_prediction(
            board_model(root),
            context.reading,
            {} if isinstance(stages, Exception) else stages,
            [] if isinstance(networks, Exception) else networks,
            trial if isinstance(trial, TrialRender) else None,
        ),
    }


def write_report(
    path: Path,
    context: DoctorContext,
    findings: Sequence[CheckFinding],
    trial: TrialRender | Exception,
) -> None:
    """Write the report of :func:`build_report` to ``path`` as JSON.

    Raises ``BadInput("output_unwritable")``.
    """
    report = build_report(context, findings, trial)
    try:
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput("output_unwritable", name=path.name, reason=error.strerror) from error


def _result_or_error(function: Callable[[], T]) -> T | Exception:
    try:
        return function()
    except Exception as error:
        return error


def _error_entry(error: Exception) -> dict[str, str]:
    """Return only the code or type of ``error``: its text may contain a file name."""
    return {"failed": error.code if isinstance(error, LecternError) else type(error).__name__}


def _provider_results(providers: Providers, context: DoctorContext) -> list[dict[str, Any]]:
    """Return the provider results of the self-tests, which the checks have just run or loaded."""
    lips = context.config.lips
    manifest = load_manifest(lips.model, context.project / "models_lite")
    threads = context.config.video.threads or 1
    return [
        asdict(result)
        for result in benchmark_precisions(manifest, lips.providers, providers, threads)
    ]
