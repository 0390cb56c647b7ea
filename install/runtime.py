"""Choose ONNX Runtime: the CPU build of the package index, or a GPU build that the user specifies.

The package index has an ``onnxruntime-gpu`` for aarch64 that installs on a Jetson and lists CUDA,
but cannot use its GPU: it is built for server GPUs. Therefore a GPU build is installed only from a
source that the user specifies: the file or URL of a wheel, or the URL of a package index.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from install.errors import InstallError, without_credentials
from install.target import Target

CPU = "cpu"


class Runtime(NamedTuple):
    """The source of ONNX Runtime.

    ``kind`` is ``cpu``, ``wheel`` or ``index``; ``place`` is the file or URL, empty for ``cpu``.
    """

    kind: str
    place: str

    @property
    def text(self) -> str:
        """The source as part of a message, without credentials."""
        return "for the CPU" if self.kind == CPU else f"from {without_credentials(self.place)}"

    @property
    def name(self) -> str:
        """The source as part of a version's identity.

        It does not depend on the folder of a wheel or on the credentials for an index.
        """
        if self.kind == "wheel":
            return self.place.rpartition("/")[2]
        return without_credentials(self.place) or self.kind


def choose(target: Target, named: str | None, python: str) -> Runtime:
    """Return the runtime for ``target`` and the Python version ``python``.

    ``named`` is the source that the user specified: a file, a URL, ``cpu`` or None. Raises
    ``InstallError`` for a Jetson without a specified source and for wheels that cannot work.
    """
    if named is None and target.jetson:
        raise InstallError(
            "This is a Jetson, and the package index has no ONNX Runtime for its GPU.",
            "Specify one with --onnxruntime FILE.whl or the URL of a package index that has it, "
            "or use --onnxruntime cpu to run without the GPU.",
        )
    if named is None or named == CPU:
        return Runtime(CPU, "")
    if not named.endswith(".whl"):
        if re.match(r"(https?|file)://", named):
            return Runtime("index", named)
        raise InstallError(
            f"'{named}' is neither a .whl file nor a URL.",
            "Specify the file of a wheel, or a URL that starts with https://.",
        )
    check_wheel(named.rpartition("/")[2], target, python)
    if "://" not in named:
        path = Path(named).resolve()
        if not path.is_file():
            raise InstallError(f"The file '{named}' does not exist.", "Check the path.")
        return Runtime("wheel", str(path))
    return Runtime("wheel", named)


def check_wheel(name: str, target: Target, python: str) -> None:
    """Raise ``InstallError`` unless the name of a wheel fits processor and Python version."""
    tag = f"cp{python.replace('.', '')}"
    parts = name.removesuffix(".whl").split("-")
    if len(parts) < 5 or not parts[0].lower().startswith("onnxruntime"):
        raise InstallError(f"'{name}' is not a wheel of ONNX Runtime.", "Specify another file.")
    if parts[-3] != tag or not parts[-1].endswith(target.machine):
        raise InstallError(
            f"'{name}' does not fit the device, which has Python {python} on {target.machine}.",
            f"Use the wheel whose name contains '{tag}' and ends in '{target.machine}.whl'.",
        )
    if target.jetson and "gpu" in parts[0] and "manylinux" in parts[-1]:
        raise InstallError(
            f"'{name}' is the package index's build for server GPUs; it cannot run on a Jetson.",
            "Use the build for Jetson; its name ends in '-linux_aarch64.whl'.",
        )
