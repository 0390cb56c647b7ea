"""The engine builder: its command, its cache key, and its behaviour without TensorRT."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.inference.manifest import load_manifest
from appliance.inference.session import RuntimeVersions
from export_tools.build_engine import (
    MODELS,
    EngineSpec,
    build_engine,
    engine_name,
    find_trtexec,
    main,
    trtexec_command,
)

ORIN = RuntimeVersions(l4t="36.4.3", tensorrt="10.3.0", onnxruntime="1.23.0")


def network(precision: str) -> Path:
    return load_manifest("lectern-lite", MODELS).path("renderer", precision)


def fake_trtexec(folder: Path, body: str) -> str:
    """Return a program that counts its calls and runs ``body``; ``$engine`` is the output."""
    path = folder / "trtexec"
    path.write_text(
        "#!/bin/sh\necho x >> " + str(folder / "calls") + "\n"
        'for a in "$@"; do case "$a" in --saveEngine=*) engine="${a#*=}";; esac; done\n' + body
    )
    path.chmod(0o755)
    return str(path)


def test_int8_uses_the_scales_of_the_file(tmp_path: Path) -> None:
    words = trtexec_command("trtexec", network("int8"), tmp_path / "e", EngineSpec("int8"))
    assert "--int8" in words and "--fp16" in words
    assert not any("calib" in word for word in words)
    low, high = (next(w for w in words if w.startswith(f"--{k}Shapes=")) for k in ("min", "max"))
    assert "luma:1x2x96x96" in low and "luma:8x2x96x96" in high
    assert "cells:8x16x48x48" in high


def test_dla_has_a_fixed_batch_size(tmp_path: Path) -> None:
    words = trtexec_command(
        "trtexec", network("fp16"), tmp_path / "e", EngineSpec("fp16", batch=4, dla=1)
    )
    assert "--useDLACore=1" in words and "--allowGPUFallback" in words
    assert len({w.split("=")[1] for w in words if "Shapes=" in w}) == 1


def test_fp32_enables_no_other_precision(tmp_path: Path) -> None:
    words = trtexec_command("trtexec", network("fp32"), tmp_path / "e", EngineSpec("fp32"))
    assert not {"--fp16", "--int8"} & set(words)


@pytest.mark.parametrize(("precision", "batch", "dla"), [("int8", 1, 0), ("fp16", 0, None)])
def test_impossible_options_are_rejected(precision: str, batch: int, dla: int | None) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        EngineSpec(precision, batch, dla)


def test_engine_names_are_unique() -> None:
    other = RuntimeVersions(l4t="36.4.4", tensorrt="10.3.0", onnxruntime="1.23.0")
    names = {
        engine_name(network("fp16"), ORIN, EngineSpec("fp16")),
        engine_name(network("fp16"), other, EngineSpec("fp16")),
        engine_name(network("int8"), ORIN, EngineSpec("int8")),
        engine_name(network("fp16"), ORIN, EngineSpec("fp16", batch=1)),
        engine_name(network("fp16"), ORIN, EngineSpec("fp16", dla=0)),
    }
    assert len(names) == 5 and all("trt10.3.0" in name for name in names)


def test_engine_is_built_once(tmp_path: Path) -> None:
    program = fake_trtexec(tmp_path, 'echo engine > "$engine"\n')
    for _ in range(2):
        made = build_engine(program, network("fp16"), tmp_path / "cache", EngineSpec("fp16"), ORIN)
        assert made.read_text() == "engine\n"
    assert (tmp_path / "calls").read_text() == "x\n"


def test_failure_is_reported_and_leaves_no_file(tmp_path: Path) -> None:
    program = fake_trtexec(tmp_path, 'echo half > "$engine"; echo "no memory"; exit 1\n')
    with pytest.raises(RuntimeError, match="no memory"):
        build_engine(program, network("fp16"), tmp_path / "cache", EngineSpec("fp16"), ORIN)
    assert not list((tmp_path / "cache").iterdir())


def test_trtexec_of_jetpack_is_found(tmp_path: Path) -> None:
    assert find_trtexec(tmp_path, path="") is None
    usual = tmp_path / "usr" / "src" / "tensorrt" / "bin" / "trtexec"
    usual.parent.mkdir(parents=True)
    usual.touch()
    assert find_trtexec(tmp_path, path="") == str(usual)


def test_command_is_printed_without_tensorrt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--cache", str(tmp_path), "--print", "--precision", "int8"]) == 0
    assert "--int8" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--cache", str(tmp_path), "--precision", "int8", "--dla", "0"])


@pytest.mark.skipif(find_trtexec() is not None, reason="TensorRT is here")
def test_missing_tensorrt_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cache", str(tmp_path)]) == 2
    assert "JetPack" in capsys.readouterr().err
