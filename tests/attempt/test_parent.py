"""Stopping children that do not end as they should."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from appliance.attempt.parent import run_attempt
from appliance.attempt.protocol import ProgressUpdate, RenderRequest, StopRequested
from appliance.config import Config
from tests.render.conftest import settings


@pytest.fixture
def request_to_render(tmp_path: Path) -> RenderRequest:
    config: Config = settings().model_copy(update={"root": tmp_path})
    presenter, lecture = tmp_path / "a.png", tmp_path / "a.wav"
    for path in (presenter, lecture):
        path.write_bytes(b"x")
    return RenderRequest(tmp_path / "chunks", presenter, lecture, tmp_path / "a.mp4", config)


@pytest.mark.parametrize("how", ["ignores", "dies"])
def test_stop_is_kept_when_the_child_ignores_it_or_dies(
    request_to_render: RenderRequest, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("LECTERN_STUBBORN", how)
    modules = request_to_render.folder.parent / "modules"  # which a confined child may read
    modules.mkdir()
    here = Path(__file__).resolve()
    shutil.copy(here.with_name("stubborn_child.py"), modules)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(modules), str(here.parents[2])]))
    started: list[float] = []

    def stop_when_it_runs(update: ProgressUpdate | None) -> bool:
        if update is not None and not started:
            started.append(time.monotonic())
        return bool(started)

    with pytest.raises(StopRequested):
        run_attempt(
            request_to_render,
            stop_when_it_runs,
            stop_timeout_s=1.0,
            module="stubborn_child",
        )
    assert time.monotonic() - started[0] < 30
