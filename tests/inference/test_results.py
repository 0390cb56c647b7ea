"""Stored self-test results, as the panel reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.inference.results import (
    RESULT_MAX_AGE_S,
    RESULTS_FILE,
    ProviderResults,
    recent_failures,
)
from appliance.inference.session import RuntimeVersions


def test_recent_failures_are_those_of_the_last_day(tmp_path: Path) -> None:
    now = [1000.0]
    path = tmp_path / "state" / RESULTS_FILE
    results = ProviderResults(path, RuntimeVersions(), lambda: now[0])
    results.add("a", "tensorrt", "fp16", "first reason")
    results.add("a", "cpu", "fp16", "a reason of the CPU")
    results.add("a", "cuda", "fp16", batch=8)
    now[0] += 10
    results.add("b", "tensorrt", "fp16", "later reason")
    assert recent_failures(tmp_path, now[0]) == {"tensorrt": "later reason"}
    assert recent_failures(tmp_path, now[0] + RESULT_MAX_AGE_S) == {}
    assert recent_failures(tmp_path, 0.0) == {}


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"results": [1]}', '{"verdicts": {}}'])
def test_unreadable_results_have_no_failures(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "state" / RESULTS_FILE).parent.mkdir(parents=True)
    if content is not None:
        (tmp_path / "state" / RESULTS_FILE).write_text(content)
    assert recent_failures(tmp_path, 1000.0) == {}


def test_reading_results_loads_no_inference_library(project: Path) -> None:
    code = (
        "import sys, appliance.inference.results\n"
        "print([name for name in ('numpy', 'onnxruntime', 'av') if name in sys.modules])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project
    )
    assert run.stdout.strip() == "[]"
