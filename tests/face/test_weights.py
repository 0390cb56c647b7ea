"""The face networks: only the expected bytes are used, and they are installed completely."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from appliance.errors import Fault
from appliance.face.weights import FACE_MODELS, download, face_model_path, main, unpack


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with the two real networks and another file."""
    path = tmp_path / "mediapipe-0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mediapipe/__init__.py", "")
        for name, model in FACE_MODELS.items():
            archive.write(face_model_path(name), model.member)
    return path


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_only_the_networks_are_unpacked(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "face"
    unpack(wheel, folder, FACE_MODELS)
    assert sorted(p.name for p in folder.iterdir()) == [f"{name}.tflite" for name in FACE_MODELS]
    for name in FACE_MODELS:
        assert face_model_path(name, folder).read_bytes() == face_model_path(name).read_bytes()


@pytest.mark.parametrize("damage", ["absent", "cut off", "one bit"])
def test_missing_or_damaged_network_is_refused(wheel: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "face"
    unpack(wheel, folder, FACE_MODELS)
    path = folder / "face_landmark.tflite"
    data = bytearray(path.read_bytes())
    if damage == "absent":
        path.unlink()
    elif damage == "cut off":
        path.write_bytes(data[:-1])
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(Fault) as caught:
        face_model_path("face_landmark", folder)
    assert caught.value.code == "face_models_missing"
    assert "face_landmark.tflite" in caught.value.text()


@pytest.mark.parametrize("fault", ["does not contain", "contains a different"])
def test_wheel_with_other_networks_leaves_no_files(tmp_path: Path, fault: str) -> None:
    wrong = tmp_path / "wrong.whl"
    name = "face_landmark"
    with zipfile.ZipFile(wrong, "w") as archive:
        archive.writestr(
            FACE_MODELS[name].member if fault != "does not contain" else "other", b"other"
        )
    folder = tmp_path / "face"
    with pytest.raises(Fault, match=f"wrong.whl {fault} {name}"):
        unpack(wrong, folder, {name: FACE_MODELS[name]})
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("offline")
class TestOffline:
    def test_second_download_needs_no_network(self, wheel: Path, tmp_path: Path) -> None:
        folder = tmp_path / "face"
        unpack(wheel, folder, FACE_MODELS)
        before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        download(folder)
        assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before

    def test_failed_download_prints_reason_and_remedy(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("appliance.face.weights.default_folder", lambda: tmp_path / "face")
        assert main() == 1
        said = capsys.readouterr().err
        assert said.startswith(
            "face_models_download_failed: The face models could not be downloaded ("
        )
        assert said.count("\n") == 1
        assert not (tmp_path / "face").exists()
