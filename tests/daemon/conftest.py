"""A root folder, a clock and a job store."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import Config
from appliance.jobs.store import store_path
from appliance.jobs.worker_store import WorkerStore
from tests.daemon.world import Clock
from tests.render.conftest import settings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(jobs={"min_free_disk_mb": 0}).model_copy(update={"root": tmp_path})


@pytest.fixture
def store(config: Config, clock: Clock) -> WorkerStore:
    return WorkerStore(
        store_path(config.root), max_attempts_without_progress=3, now=clock, since_boot=clock
    )
