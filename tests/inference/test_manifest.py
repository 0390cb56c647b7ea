from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import BadInput, Fault
from appliance.files.atomic import sha256
from appliance.inference.manifest import load_manifest


def _model(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(b"weights")
    values = {
        "name": folder.name,
        "kind": "lectern",
        "files": {
            "fp32": {"renderer": {"file": "net.onnx", "sha256": sha256(folder / "net.onnx")}},
        },
        **changes,
    }
    (folder / "model.json").write_text(json.dumps(values))
    return folder


def test_model_is_found_by_name_folder_and_file(tmp_path: Path) -> None:
    folder = _model(tmp_path / "models" / "small")
    for name in ("small", str(folder), str(folder / "model.json")):
        manifest = load_manifest(name, tmp_path / "models")
        assert manifest.path("renderer", "fp32") == folder / "net.onnx"
        assert manifest.precisions() == ["fp32"]


def test_single_onnx_file_is_treated_as_wav2lip(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(b"x")
    manifest = load_manifest(str(tmp_path / "mine.onnx"), tmp_path)
    assert (manifest.kind, manifest.name) == ("wav2lip", "mine")


def test_unknown_model_error_lists_the_known_ones(tmp_path: Path) -> None:
    _model(tmp_path / "small")
    with pytest.raises(BadInput, match="small") as caught:
        load_manifest("smal", tmp_path)
    assert caught.value.code == "model_unknown"


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"name": "x", "kind": "other"}'])
def test_invalid_manifest_is_bad_input(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "model.json").write_text(content)
    with pytest.raises(BadInput) as caught:
        load_manifest("bad", tmp_path)
    assert caught.value.code == "model_unreadable"


def test_changed_weights_are_refused_and_change_the_digest(tmp_path: Path) -> None:
    folder = _model(tmp_path / "small")
    manifest = load_manifest("small", tmp_path)
    before = manifest.digest("fp32")
    (folder / "net.onnx").write_bytes(b"other weights")
    assert manifest.digest("fp32") != before
    with pytest.raises(Fault) as caught:
        manifest.path("renderer", "fp32")
    assert caught.value.code == "model_damaged"
