"""Build a TensorRT engine of a packaged network with trtexec, on the device itself.

    python -m export_tools.build_engine --precision int8 --cache DIR [--model lectern-lite]
    python -m export_tools.build_engine --precision fp16 --cache DIR --print

The daemon does not need such an engine: the TensorRT provider of ONNX Runtime builds and stores its
own engines (``appliance.inference.session``). This tool is for timing a network with TensorRT alone
and for programs that load engines themselves. An engine works only on one type of GPU with one
release of JetPack and one of TensorRT, so its name contains the hash of the file and these
versions. An existing engine is not built again.

A quantized file contains its scales (QDQ), so no calibration table is used. DLA cores support
neither explicit quantization nor a free batch size; therefore ``--dla`` requires ``--precision
fp16`` and builds for one batch size. Operations that a DLA does not support (the exponentials of
the layer shares, the bilinear resize) fall back to the GPU with a copy in each direction, so the
only gain is a less busy GPU. According to TensorRT's documentation, DLA support ends with 10.7 and
returns with JetPack 7.2.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from appliance.errors import BadInput, Fault
from appliance.files.atomic import sha256
from appliance.inference.golden import MAX_BATCH
from appliance.inference.manifest import load_manifest
from appliance.inference.session import RuntimeVersions

MODELS = Path(__file__).parents[1] / "models_lite"
TRTEXEC_MISSING = (
    "trtexec was not found. It is part of JetPack (package libnvinfer-bin): run this tool on the "
    "device, or use --print to show the command."
)
_TRTEXEC = Path("usr/src/tensorrt/bin/trtexec")
_HASH_DIGITS = 12  # digits of the file's sha256 in the name of an engine


@dataclass(frozen=True)
class EngineSpec:
    """The options of an engine.

    ``batch`` is the largest batch size (for a DLA the only one), ``dla`` the core or ``None`` for
    the GPU. ``workspace_mb`` limits the memory that TensorRT may use while it selects kernels.
    Raises ``ValueError`` for a batch size below 1 and for a DLA with another precision than fp16.
    """

    precision: str
    batch: int = MAX_BATCH
    dla: int | None = None
    workspace_mb: int = 256

    def __post_init__(self) -> None:
        if self.dla is not None and self.precision != "fp16":
            raise ValueError("A DLA core supports only fp16.")
        if self.batch < 1:
            raise ValueError("The batch size must be 1 or more.")


def engine_name(network: Path, versions: RuntimeVersions, spec: EngineSpec) -> str:
    """Return the file name of an engine, which is unique for network, versions and options."""
    device = "gpu" if spec.dla is None else f"dla{spec.dla}"
    parts = (network.stem, sha256(network)[:_HASH_DIGITS], str(versions), device, f"b{spec.batch}")
    return "_".join(parts) + ".engine"


def trtexec_command(trtexec: str, network: Path, engine: Path, spec: EngineSpec) -> list[str]:
    """Return the command line of ``trtexec`` that writes ``engine``."""
    words = [
        trtexec,
        f"--onnx={network}",
        f"--saveEngine={engine}",
        f"--memPoolSize=workspace:{spec.workspace_mb}",
        f"--timingCacheFile={engine.parent / 'timing.cache'}",
    ]
    min_rows = spec.batch if spec.dla is not None else 1
    for flag, rows in (("min", min_rows), ("opt", spec.batch), ("max", spec.batch)):
        words.append(f"--{flag}Shapes={_shapes(network, rows)}")
    if spec.precision != "fp32":
        words.append("--fp16")
    if spec.precision == "int8":
        words.append("--int8")
    if spec.dla is not None:
        words += [f"--useDLACore={spec.dla}", "--allowGPUFallback"]
    return words


def _shapes(network: Path, rows: int) -> str:
    inputs = onnx.load(str(network), load_external_data=False).graph.input
    return ",".join(
        f"{i.name}:" + "x".join(str(d.dim_value or rows) for d in i.type.tensor_type.shape.dim)
        for i in inputs
    )


def find_trtexec(root: Path = Path("/"), path: str | None = None) -> str | None:
    """Return the path of ``trtexec`` on ``PATH`` (or ``path``), else that of JetPack, else None."""
    found = shutil.which("trtexec", path=path)
    usual = root / _TRTEXEC
    return found or (str(usual) if usual.is_file() else None)


def build_engine(
    trtexec: str, network: Path, cache: Path, spec: EngineSpec, versions: RuntimeVersions
) -> Path:
    """Return the file of the engine; build it if it does not exist.

    An incomplete file is never left behind. Raises ``RuntimeError`` with the last lines of the
    output of ``trtexec`` if it fails.
    """
    target = cache / engine_name(network, versions, spec)
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    done = subprocess.run(
        trtexec_command(trtexec, network, part, spec), capture_output=True, text=True, check=False
    )
    if done.returncode or not part.exists():
        part.unlink(missing_ok=True)
        output_lines = (done.stdout + done.stderr).strip().splitlines()[-5:]
        raise RuntimeError("trtexec failed: " + " | ".join(output_lines))
    part.replace(target)
    return target


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", default="lectern-lite", help="name of the model (default: lectern-lite)"
    )
    parser.add_argument(
        "--precision",
        choices=["fp32", "fp16", "int8"],
        default="fp16",
        help="precision (default: fp16)",
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder for engines")
    parser.add_argument(
        "--batch", type=int, default=MAX_BATCH, help=f"largest batch size (default: {MAX_BATCH})"
    )
    parser.add_argument("--dla", type=int, help="DLA core to use instead of the GPU")
    parser.add_argument(
        "--workspace-mb", type=int, default=256, help="workspace of TensorRT in MiB (default: 256)"
    )
    parser.add_argument("--print", action="store_true", help="print the command without running it")
    args = parser.parse_args(argv)
    try:
        spec = EngineSpec(args.precision, args.batch, args.dla, args.workspace_mb)
    except ValueError as error:
        parser.error(str(error))
    try:
        network = load_manifest(args.model, MODELS).path("renderer", args.precision)
    except (BadInput, Fault) as error:
        parser.error(str(error))
    versions = RuntimeVersions.find()
    if args.print:
        target = args.cache / engine_name(network, versions, spec)
        print(shlex.join(trtexec_command(find_trtexec() or "trtexec", network, target, spec)))
        return 0
    trtexec = find_trtexec()
    if trtexec is None:
        print(TRTEXEC_MISSING, file=sys.stderr)
        return 2
    try:
        print(build_engine(trtexec, network, args.cache, spec, versions))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
