"""Fixtures for all tests, and skips where the recordings or torch are missing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.face.detect import FaceDetector
from appliance.face.mesh import FaceMesh
from appliance.face.tflite import TFLiteModel
from appliance.face.weights import face_model_path

PROJECT = Path(__file__).resolve().parents[1]
SHARED_DATA = PROJECT.parent / "shared" / "data"
HAS_EXPORT = importlib.util.find_spec("torch") is not None

# These modules import torch at the top, so they cannot be collected without it.
collect_ignore = [] if HAS_EXPORT else ["export_tools"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="the recordings of ../shared/data are missing")
    no_export = pytest.mark.skip(reason="the export extra (torch) is not installed")
    for item in items:
        if "data" in item.keywords and not SHARED_DATA.is_dir():
            item.add_marker(no_data)
        if "export" in item.keywords and not HAS_EXPORT:
            item.add_marker(no_export)


@pytest.fixture(scope="session", autouse=True)
def scratch_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let commands without a config file work in a temporary folder."""
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
def tracked(project: Path) -> list[Path]:
    """The files under version control."""
    run = subprocess.run(
        ["git", "ls-files", "-z"], cwd=project, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        pytest.skip("not a git checkout")
    return [project / name for name in run.stdout.split("\0") if (project / name).is_file()]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The recordings; only for tests marked ``data``."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    """The face detector, opened once."""
    return FaceDetector(TFLiteModel(face_model_path("face_detection_short_range")))


@pytest.fixture(scope="session")
def mesh() -> FaceMesh:
    """The face mesh, opened once."""
    return FaceMesh(TFLiteModel(face_model_path("face_landmark")))
