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


class RuntimeSource(NamedTuple):
    """The source of ONNX Runtime.

    ``kind`` is ``cpu``, ``wheel`` or ``index``; ``location`` is the file or URL, empty for ``cpu``.
    """

    kind: str
    location: str

    @property
    def text(self) -> str:
        """The source as part of a message, without credentials."""
        return "for the CPU" if self.kind == CPU else f"from {without_credentials(self.location)}"

    @property
    def name(self) -> str:
        """The source as part of a version's identity.

        It does not depend on the folder of a wheel or on the credentials for an index.
        """
        if self.kind == "wheel":
            return self.location.rpartition("/")[2]
        return without_credentials(self.location) or self.kind


def choose_runtime(target: Target, source: str | None, python: str) -> RuntimeSource:
    """Return the runtime for ``target`` and the Python version ``python``.

    ``source`` is the source that the user specified: a file, a URL, ``cpu`` or ``None``. Raises
    ``InstallError`` for a Jetson without a specified source and for wheels that cannot work.
    """
    if source is None and target.jetson:
        raise InstallError(
            "This is a Jetson, and the package index has no ONNX Runtime for its GPU.",
            "Specify one with --onnxruntime FILE.whl or the URL of a package index that has it, "
            "or use --onnxruntime cpu to run without the GPU.",
        )
    if source is None or source == CPU:
        return RuntimeSource(CPU, "")
    if not source.endswith(".whl"):
        if re.match(r"(https?|file)://", source):
            return RuntimeSource("index", source)
        raise InstallError(
            f"'{source}' is neither a .whl file nor a URL.",
            "Specify the file of a wheel, or a URL that starts with https://.",
        )
    check_wheel(source.rpartition("/")[2], target, python)
    if "://" not in source:
        path = Path(source).resolve()
        if not path.is_file():
            raise InstallError(f"The file '{source}' does not exist.", "Check the path.")
        return RuntimeSource("wheel", str(path))
    return RuntimeSource("wheel", source)


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
