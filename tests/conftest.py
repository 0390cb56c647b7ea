"""What every test may rely on: the recordings' folder, and skips where something is not here."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh
from appliance.face.runtime import LiteNetwork
from appliance.face.weights import face_model_path

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


@pytest.fixture(scope="session", autouse=True)
def scratch_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands that are given no config file work in a folder of the tests', not in the box's."""
    folder = tmp_path_factory.mktemp("root")
    config = folder / "config.yaml"
    config.write_text("root: .\n", encoding="utf-8")
    before = os.environ.get("LECTERN_CONFIG")
    os.environ["LECTERN_CONFIG"] = str(config)
    yield
    if before is None:
        del os.environ["LECTERN_CONFIG"]
    else:
        os.environ["LECTERN_CONFIG"] = before


@pytest.fixture(scope="session")
def project() -> Path:
    """The top folder of the checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The recordings; only for tests marked ``data``."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    """The face detector, opened once."""
    return FaceDetector(LiteNetwork(face_model_path("face_detection_short_range")))


@pytest.fixture(scope="session")
def mesh() -> FaceMesh:
    """The face mesh, opened once."""
    return FaceMesh(LiteNetwork(face_model_path("face_landmark")))
