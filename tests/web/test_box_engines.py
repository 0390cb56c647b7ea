"""What the pages say of engines that are not used, as the daemon's own part has noted it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.daemon import DaemonRecord
from appliance.jobs.store import store_path
from appliance.lips.engine import Machine
from appliance.lips.verdicts import FILE, Verdicts
from tests.web.conftest import Clock, SignIn
from web.box.engines import FRESH_S, refused
from web.i18n import _
from web.results.pages import facts

MACHINE = Machine("36.4.3", "10.3.0", "1.23.0")


@pytest.fixture
def verdicts(config: Config, clock: Clock) -> Verdicts:
    return Verdicts(config.root / "state" / FILE, MACHINE, now=clock)


def test_an_engines_last_reason_stands_for_a_day(
    verdicts: Verdicts, config: Config, clock: Clock
) -> None:
    verdicts.add("a", "tensorrt", "fp16", "no kernel image")
    verdicts.add("a", "cuda", "fp16", batch=8, ms=0.2)
    verdicts.add("b", "cpu", "int8", "wrong numbers")  # of a precision, not of the engine
    clock.time += 10
    verdicts.add("b", "tensorrt", "fp32", "gave no answer")
    assert refused(config.root, clock.time) == {"tensorrt": "gave no answer"}
    assert refused(config.root, clock.time + FRESH_S) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"verdicts": {"a": 1}}', '{"verdicts": []}'])
def test_a_damaged_file_tells_nothing(config: Config, clock: Clock, text: str) -> None:
    assert refused(config.root, clock.time) == {}
    (config.root / "state").mkdir(parents=True, exist_ok=True)
    (config.root / "state" / FILE).write_text(text)
    assert refused(config.root, clock.time) == {}


def test_the_boxs_page_says_so_beside_what_computes(
    sign_in: SignIn, verdicts: Verdicts, config: Config, clock: Clock
) -> None:
    with DaemonRecord(store_path(config.root), now=clock) as record:
        record.begin("0.1", 7)
        record.learned("cuda", "lectern-lite", "fp16")
    verdicts.add("a", "tensorrt", "fp16", "self-test: <off> by 0.3")
    page = sign_in("viewer").get("/box/").text
    assert "TensorRT is not used" in page and "self-test: &lt;off&gt; by 0.3" in page
    assert "CUDA is not used" not in page


def test_a_videos_page_says_what_was_passed_over(project: Path) -> None:
    told = ["tensorrt: failed while it worked: CUDA failure: 719", "cuda: not in this ONNX Runtime"]
    found = facts({"provider": "cpu", "providers_passed_over": told})
    assert (_("Compute backend"), "CPU") in found
    assert found[-1] == ("TensorRT is not used", "failed while it worked: CUDA failure: 719")
