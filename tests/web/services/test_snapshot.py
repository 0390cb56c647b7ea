"""Providers that are not used, from the results that the daemon stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config
from appliance.inference.results import RESULTS_FILE, ProviderResults
from appliance.inference.session import RuntimeVersions
from appliance.jobs.daemon_status import DaemonStatusStore
from appliance.jobs.store import store_path
from tests.web.conftest import Clock, SignIn
from web.i18n import _
from web.pages.results import result_properties
from web.services.snapshot import FAILURE_MAX_AGE_S, recent_failures

MACHINE = RuntimeVersions("36.4.3", "10.3.0", "1.23.0")


@pytest.fixture
def verdicts(config: Config, clock: Clock) -> ProviderResults:
    return ProviderResults(config.root / "state" / RESULTS_FILE, MACHINE, now=clock)


def test_latest_failure_is_reported_for_a_day(
    verdicts: ProviderResults, config: Config, clock: Clock
) -> None:
    verdicts.add("a", "tensorrt", "fp16", "no kernel image")
    verdicts.add("a", "cuda", "fp16", batch=8, ms=0.2)
    verdicts.add("b", "cpu", "int8", "wrong numbers")  # of a precision, not of the engine
    clock.time += 10
    verdicts.add("b", "tensorrt", "fp32", "gave no answer")
    assert recent_failures(config.root, clock.time) == {"tensorrt": "gave no answer"}
    assert recent_failures(config.root, clock.time + FAILURE_MAX_AGE_S) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"verdicts": {"a": 1}}', '{"verdicts": []}'])
def test_damaged_file_reports_nothing(config: Config, clock: Clock, text: str) -> None:
    assert recent_failures(config.root, clock.time) == {}
    (config.root / "state").mkdir(parents=True, exist_ok=True)
    (config.root / "state" / RESULTS_FILE).write_text(text)
    assert recent_failures(config.root, clock.time) == {}


def test_device_page_shows_unused_providers(
    sign_in: SignIn, verdicts: ProviderResults, config: Config, clock: Clock
) -> None:
    with DaemonStatusStore(store_path(config.root), now=clock) as record:
        record.record_start("0.1", 7)
        record.record_engine("cuda", "lectern-lite", "fp16")
    verdicts.add("a", "tensorrt", "fp16", "self-test: <off> by 0.3")
    page = sign_in("viewer").get("/device/").text
    assert "TensorRT is not used" in page and "self-test: &lt;off&gt; by 0.3" in page
    assert "CUDA is not used" not in page


def test_result_page_shows_rejected_providers(project: Path) -> None:
    rejected = [
        "tensorrt: failed while it worked: CUDA failure: 719",
        "cuda: not in this ONNX Runtime",
    ]
    found = result_properties({"provider": "cpu", "rejected_providers": rejected})
    assert (_("Compute backend"), "CPU") in found
    assert found[-1] == ("TensorRT is not used", "failed while it worked: CUDA failure: 719")
