"""A lecture whose provider fails is finished on the next one, with the same frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.config import Config
from appliance.inference.providers import Providers
from appliance.render.progress import Progress
from appliance.render.render import render
from tests.inference.fake_providers import fake_device
from tests.render.conftest import frames_of, settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Config:
    root = tmp_path_factory.mktemp("device")
    return settings(lips={"model": str(tiny_model)}).model_copy(update={"root": root})


@pytest.fixture(scope="module")
def plain(config: Config, presenter: Path, lecture: Path) -> Path:
    """The lecture rendered on the CPU."""
    render(presenter, lecture, config.root / "plain.mp4", config)
    return config.root / "plain.mp4"


@pytest.mark.parametrize(
    ("limit_s", "behaviours", "used", "reasons"),
    [
        (60.0, {"tensorrt": "wrong", "cuda": "large"}, "cuda", ["tensorrt: self-test"]),
        (60.0, {"tensorrt": "throws"}, "cpu", ["tensorrt: no kernel image", "cuda: not in"]),
        (3.0, {"tensorrt": "hangs"}, "cpu", ["tensorrt: timed out after", "cuda: not in"]),
        # One run when it is opened, then one per batch of frames: it fails in the third.
        (60.0, {"cuda": "later 4"}, "cpu", ["tensorrt: not in", "cuda: failed during rendering"]),
        (60.0, {"cuda": "stuck 4"}, "cpu", ["tensorrt: not in", "cuda: failed during rendering"]),
    ],
)
def test_render_finishes_on_the_next_provider_and_reports_why(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    config: Config,
    presenter: Path,
    lecture: Path,
    plain: Path,
    limit_s: float,
    behaviours: dict[str, str],
    used: str,
    reasons: list[str],
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    device = fake_device(tmp_path, limit_s, timeout_s=3.0, **behaviours)
    monkeypatch.setattr(Providers, "of", lambda root, lips: device)
    seen: list[Progress] = []
    out = tmp_path / "out.mp4"
    report = render(presenter, lecture, out, config, on_progress=seen.append)
    assert report["provider"] == used
    rejected = report["rejected_providers"]
    assert len(rejected) == len(reasons)
    assert all(each.startswith(reason) for each, reason in zip(rejected, reasons, strict=True))
    np.testing.assert_array_equal(frames_of(plain), frames_of(out))
    if "hangs" in behaviours.values():  # the progress of the test is shown
        assert [step.done for step in seen if step.stage == "selftest"][-1] >= limit_s
