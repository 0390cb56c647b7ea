"""Fixtures of the governor's tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from appliance.media.probe import PresenterInfo, probe_presenter


@pytest.fixture
def hd(tmp_path: Path) -> PresenterInfo:
    """A grey photo of 1280 × 720."""
    path = tmp_path / "grey.png"
    Image.new("RGB", (1280, 720), (90, 90, 90)).save(path)
    return probe_presenter(path)
