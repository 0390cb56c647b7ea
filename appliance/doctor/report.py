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

from appliance.doctor.context import Context
from appliance.doctor.examine import Finding, exit_status
from appliance.doctor.predict import compare
from appliance.doctor.stages import measure_stages
from appliance.doctor.trial import Trial
from appliance.errors import BadInput, LecternError
from appliance.lips.engines import Engines
from appliance.lips.manifest import load_manifest
from appliance.lips.measure import measure as measure_networks
from appliance.telemetry.board import PowerMode, l4t, model
from appliance.telemetry.nodes import text
from appliance.version import software_version

T = TypeVar("T")

_PACKAGES = ("onnxruntime", "numpy", "opencv", "av", "ai-edge-litert", "tensorrt")


def as_dict(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the JSON values that ``lectern doctor --json`` prints."""
    status = exit_status(list(findings))
    worst = "fail" if status else "ok"
    if not status and any(finding.line.level == "warn" for finding in findings):
        worst = "warn"
    return {
        "version": software_version(),
        "level": worst,
        "lines": [{"check": f.check, **f.line.as_dict()} for f in findings],
    }


def build_report(
    context: Context, findings: Sequence[Finding], trial: Trial | Exception
) -> dict[str, Any]:
    """Return the report as JSON values, without host names, addresses or names of user files.

    ``trial`` is the measured rendering or the error that prevented it. A measurement that fails is
    replaced by ``{"failed": ...}`` with the error code, because the report is most needed on a
    device where something is broken.
    """
    stages = _attempt(lambda: measure_stages(context.config.video.threads))
    networks = _attempt(lambda: _networks(context.engines, context))
    root = context.root
    return {
        **as_dict(findings),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(context.now())),
        "machine": {
            "model": model(root) or platform.machine(),
            "l4t": l4t(root),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "tensorrt": context.engines.machine.tensorrt or None,
            "power_modes": PowerMode(root).names,
            "cpu": sorted(set((text(root / "proc/cpuinfo") or "").split("\n\n")[0].splitlines())),
        },
        "packages": {
            name: d.version
            for d in distributions()
            if (name := str(d.metadata["Name"]).lower()).startswith(_PACKAGES)
        },
        "reading": json.loads(context.reading.to_json()),
        "networks": _failed(networks) if isinstance(networks, Exception) else networks,
        "stages_ms": _failed(stages) if isinstance(stages, Exception) else stages,
        "rendering": trial.facts if isinstance(trial, Trial) else _failed(trial),
        "predicted": compare(
            model(root),
            context.reading,
            {} if isinstance(stages, Exception) else stages,
            [] if isinstance(networks, Exception) else networks,
            trial if isinstance(trial, Trial) else None,
        ),
    }


def write_report(
    path: Path, context: Context, findings: Sequence[Finding], trial: Trial | Exception
) -> None:
    """Write the report of :func:`build_report` to ``path`` as JSON.

    Raises ``BadInput("output_unwritable")``.
    """
    report = build_report(context, findings, trial)
    try:
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadInput("output_unwritable", name=path.name, reason=error.strerror) from error


def _attempt(measure: Callable[[], T]) -> T | Exception:
    try:
        return measure()
    except Exception as error:
        return error


def _failed(error: Exception) -> dict[str, str]:
    """Return only the code or type of ``error``: its text may contain a file name."""
    return {"failed": error.code if isinstance(error, LecternError) else type(error).__name__}


def _networks(engines: Engines, context: Context) -> list[dict[str, Any]]:
    """Return the provider results of the self-tests, which the checks have just run or loaded."""
    lips = context.config.lips
    manifest = load_manifest(lips.model, context.project / "models_lite")
    threads = context.config.video.threads or 1
    return [
        asdict(verdict) for verdict in measure_networks(manifest, lips.providers, engines, threads)
    ]
