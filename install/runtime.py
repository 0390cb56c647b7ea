"""Which ONNX Runtime: the CPU's from the package index, or a Jetson's, which its owner names.

The package index has an ``onnxruntime-gpu`` for aarch64 that installs on a Jetson, lists CUDA and
then cannot run on it: it is built for server GPUs. So a GPU build is only taken from a place that
the owner names: a wheel's file or address, or an index that has one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from install.errors import InstallError, without_credentials
from install.target import Target

CPU = "cpu"


class Runtime(NamedTuple):
    """Where ONNX Runtime comes from: ``kind`` is ``cpu``, ``wheel`` or ``index``."""

    kind: str
    place: str

    @property
    def text(self) -> str:
        """For people."""
        return "for the CPU" if self.kind == CPU else f"from {without_credentials(self.place)}"

    @property
    def name(self) -> str:
        """Part of a version's identity: a wheel is the same in whatever folder it lies, an index
        whoever asks it."""
        if self.kind == "wheel":
            return self.place.rpartition("/")[2]
        return without_credentials(self.place) or self.kind


def choose(target: Target, named: str | None, python: str) -> Runtime:
    """The runtime for ``target`` when the owner has ``named`` a place (or ``cpu``, or nothing).

    Raises ``InstallError`` for a Jetson without a choice, and for wheels that cannot work.
    """
    if named is None and target.jetson:
        raise InstallError(
            "This is a Jetson, and ONNX Runtime for its GPU is not in the package index.",
            "Name it with --onnxruntime FILE.whl, or the address of an index that has it, "
            "or say --onnxruntime cpu to do without the GPU.",
        )
    if named is None or named == CPU:
        return Runtime(CPU, "")
    if not named.endswith(".whl"):
        if re.match(r"(https?|file)://", named):
            return Runtime("index", named)
        raise InstallError(
            f"'{named}' is neither a .whl file nor an address.",
            "Name the file of a wheel, or an address that starts with https://.",
        )
    check_wheel(named.rpartition("/")[2], target, python)
    if "://" not in named:
        path = Path(named).resolve()
        if not path.is_file():
            raise InstallError(f"There is no file '{named}'.", "Check the path.")
        return Runtime("wheel", str(path))
    return Runtime("wheel", named)


def check_wheel(name: str, target: Target, python: str) -> None:
    """Raises ``InstallError`` unless the wheel's name fits the processor and the Python."""
    tag = f"cp{python.replace('.', '')}"
    parts = name.removesuffix(".whl").split("-")
    if len(parts) < 5 or not parts[0].lower().startswith("onnxruntime"):
        raise InstallError(f"'{name}' is not a wheel of ONNX Runtime.", "Name the right file.")
    if parts[-3] != tag or not parts[-1].endswith(target.machine):
        raise InstallError(
            f"'{name}' does not fit this box, which has Python {python} on {target.machine}.",
            f"Get the wheel whose name contains '{tag}' and ends in '{target.machine}.whl'.",
        )
    if target.jetson and "gpu" in parts[0] and "manylinux" in parts[-1]:
        raise InstallError(
            f"'{name}' is the package index's build for server GPUs; it cannot run on a Jetson.",
            "Get the build for Jetson; its name ends in '-linux_aarch64.whl'.",
        )
