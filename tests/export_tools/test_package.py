"""Packaging: files, hashes and the description of the motion."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from appliance.inference.manifest import load_manifest
from export_tools import package as package_module
from export_tools.package import package

pytestmark = pytest.mark.export

SHIPPED = package_module.MODELS / "lectern-lite"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setattr(package_module, "MODELS", folder)
    return folder


@pytest.fixture
def renderer(tmp_path: Path) -> Path:
    folder = tmp_path / "renderer"
    folder.mkdir()
    for path in SHIPPED.glob("renderer.*.onnx"):
        shutil.copy(path, folder)
    shutil.copy(SHIPPED / "training" / "quantization.json", folder)
    return folder


def test_a_new_model_is_the_shipped_one(models: Path, renderer: Path) -> None:
    package("small", "1.2.3", SHIPPED, renderer, None)
    made, shipped = load_manifest("small", models), load_manifest("lectern-lite", SHIPPED.parent)
    assert made.version == "1.2.3" and made.precisions() == shipped.precisions()
    assert made.motion == shipped.motion == {"rate_hz": 50.0, "offset_s": -0.01}
    for role in ("motion", "basis"):
        assert made.entry(role, "any").sha256 == shipped.entry(role, "any").sha256
        assert made.path(role, "any").read_bytes() == shipped.path(role, "any").read_bytes()
    written = json.loads((models / "small" / "model.json").read_text(encoding="utf-8"))
    assert set(written["files"]["any"]) == {"motion", "basis"}
    assert written["audio"] == "appliance.speech.speech_encoder"


def test_a_motion_without_a_basis_keeps_the_basis(
    models: Path, renderer: Path, tmp_path: Path
) -> None:
    package("small", "1", SHIPPED, renderer, None)
    (tmp_path / "motion").mkdir()
    changed = tmp_path / "motion" / "motion.npz"
    changed.write_bytes((SHIPPED / "motion.npz").read_bytes() + b"other")
    folder = package("small", "2", tmp_path / "motion", renderer, None)
    assert (folder / "motion.npz").read_bytes() == changed.read_bytes()
    assert (folder / "basis.npz").read_bytes() == (SHIPPED / "basis.npz").read_bytes()
    package("small", "3", None, renderer, None)
    assert (folder / "motion.npz").read_bytes() == changed.read_bytes()
