"""A box in a folder of its own, at a time that passes when told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.store import JobStore, store_path
from tests.render.conftest import settings
from tests.worker.world import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(jobs={"min_free_mb": 0}).model_copy(update={"root": tmp_path})


@pytest.fixture
def store(config: Config, clock: Clock) -> JobStore:
    return JobStore(store_path(config.root), max_idle_attempts=3, now=clock)
