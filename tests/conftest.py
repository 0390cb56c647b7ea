"""What every test may rely on: the recordings' folder, and skips where something is not here."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT.parent / "shared" / "data"
HAS_EXPORT = importlib.util.find_spec("torch") is not None

# Modules below it import torch at their top, so without it they must not even be collected.
collect_ignore = [] if HAS_EXPORT else ["export_tools"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="the recordings of ../shared/data are not here")
    no_export = pytest.mark.skip(reason="the export extra (torch) is not installed")
    for item in items:
        if "data" in item.keywords and not SHARED_DATA.is_dir():
            item.add_marker(no_data)
        if "export" in item.keywords and not HAS_EXPORT:
            item.add_marker(no_export)


@pytest.fixture(scope="session")
def project() -> Path:
    """The top folder of the checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The recordings; only for tests marked ``data``."""
    return SHARED_DATA
