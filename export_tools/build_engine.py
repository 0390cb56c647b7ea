"""Build a TensorRT engine of a packaged network on the box itself, with ``trtexec``.

    python -m export_tools.build_engine --precision int8 --cache DIR [--model lectern-lite]
    python -m export_tools.build_engine --precision fp16 --cache DIR --print

The daemon needs no such engine: ONNX Runtime's TensorRT provider builds and keeps its own
(``appliance.lips.engine``). This is for timing a network with TensorRT alone and for programs that
load engines themselves. An engine is good for one GPU, one release of JetPack and one of TensorRT,
so its name holds the file's hash and those versions, and one that is there already is not built
again.

A quantized file carries its scales (QDQ), so no calibration table is given. DLA cores take no
explicit quantization and no free batch size: ``--dla`` therefore wants ``--precision fp16`` and
builds for one batch size. What a DLA lacks (the exponentials behind the layer shares, the bilinear
resize) falls back to the GPU, with a copy each way, so no gain is to be expected of it but a GPU
left free. TensorRT's own documents end DLA support with 10.7 and take it up again with JetPack 7.2.
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
from appliance.lips.engine import Machine
from appliance.lips.golden import ROWS
from appliance.lips.manifest import load_manifest, sha256

MODELS = Path(__file__).parents[1] / "models_lite"
NOT_HERE = (
    "There is no trtexec on this machine: it comes with JetPack (package libnvinfer-bin); "
    "run this on the box, or use --print to see the command."
)
_TRTEXEC = Path("usr/src/tensorrt/bin/trtexec")
_HASH = 12  # digits of the file's sha256 that name an engine


@dataclass(frozen=True)
class Wish:
    """``batch`` is the largest one (of a DLA the only one); ``dla`` the core, ``None`` for the GPU.
    ``workspace_mb`` bounds what TensorRT may use while it tries kernels."""

    precision: str
    batch: int = ROWS
    dla: int | None = None
    workspace_mb: int = 256

    def __post_init__(self) -> None:
        if self.dla is not None and self.precision != "fp16":
            raise ValueError("A DLA core runs the fp16 file only.")
        if self.batch < 1:
            raise ValueError("The batch size must be 1 or more.")


def engine_name(network: Path, machine: Machine, wish: Wish) -> str:
    """The file name that tells engines of other networks, machines and wishes apart."""
    place = "gpu" if wish.dla is None else f"dla{wish.dla}"
    parts = (network.stem, sha256(network)[:_HASH], str(machine), place, f"b{wish.batch}")
    return "_".join(parts) + ".engine"


def command(trtexec: str, network: Path, engine: Path, wish: Wish) -> list[str]:
    """The call of ``trtexec`` that writes ``engine``."""
    words = [
        trtexec,
        f"--onnx={network}",
        f"--saveEngine={engine}",
        f"--memPoolSize=workspace:{wish.workspace_mb}",
        f"--timingCacheFile={engine.parent / 'timing.cache'}",
    ]
    least = wish.batch if wish.dla is not None else 1
    for flag, rows in (("min", least), ("opt", wish.batch), ("max", wish.batch)):
        words.append(f"--{flag}Shapes={_shapes(network, rows)}")
    if wish.precision != "fp32":
        words.append("--fp16")
    if wish.precision == "int8":
        words.append("--int8")
    if wish.dla is not None:
        words += [f"--useDLACore={wish.dla}", "--allowGPUFallback"]
    return words


def _shapes(network: Path, rows: int) -> str:
    inputs = onnx.load(str(network), load_external_data=False).graph.input
    return ",".join(
        f"{i.name}:" + "x".join(str(d.dim_value or rows) for d in i.type.tensor_type.shape.dim)
        for i in inputs
    )


def find_trtexec(root: Path = Path("/"), path: str | None = None) -> str | None:
    """On ``PATH`` (or ``path``), else where JetPack puts it below ``root``; ``None`` if nowhere."""
    found = shutil.which("trtexec", path=path)
    usual = root / _TRTEXEC
    return found or (str(usual) if usual.is_file() else None)


def build(trtexec: str, network: Path, cache: Path, wish: Wish, machine: Machine) -> Path:
    """The engine's file, built if it is not there yet; half an engine is never left.

    Raises ``RuntimeError`` with the last lines of what ``trtexec`` said.
    """
    target = cache / engine_name(network, machine, wish)
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    done = subprocess.run(
        command(trtexec, network, part, wish), capture_output=True, text=True, check=False
    )
    if done.returncode or not part.exists():
        part.unlink(missing_ok=True)
        said = (done.stdout + done.stderr).strip().splitlines()[-5:]
        raise RuntimeError("trtexec failed: " + " | ".join(said))
    part.replace(target)
    return target


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="lectern-lite")
    parser.add_argument("--precision", choices=["fp32", "fp16", "int8"], default="fp16")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=ROWS)
    parser.add_argument("--dla", type=int)
    parser.add_argument("--workspace-mb", type=int, default=256)
    parser.add_argument("--print", action="store_true", help="show the command, run nothing")
    args = parser.parse_args(argv)
    try:
        wish = Wish(args.precision, args.batch, args.dla, args.workspace_mb)
    except ValueError as error:
        parser.error(str(error))
    try:
        network = load_manifest(args.model, MODELS).path("renderer", args.precision)
    except (BadInput, Fault) as error:
        parser.error(str(error))
    machine = Machine.find()
    if args.print:
        target = args.cache / engine_name(network, machine, wish)
        print(shlex.join(command(find_trtexec() or "trtexec", network, target, wish)))
        return 0
    trtexec = find_trtexec()
    if trtexec is None:
        print(NOT_HERE, file=sys.stderr)
        return 2
    try:
        print(build(trtexec, network, args.cache, wish, machine))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
