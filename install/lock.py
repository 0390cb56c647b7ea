"""The lock files: every package that is installed, with its version and the hashes of its files.

They are written by ``install/locks/update`` in the format of pip's requirements files. pip checks
the hashes (``--require-hashes``); this module selects the packages of a target.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from install.errors import InstallError
from install.target import Target

LOCKS = Path(__file__).resolve().parent / "locks"
DEVICE = "device.txt"
"""The packages of a device."""
BUILD = "build.txt"
"""What builds Lectern's wheel."""
PIP = "pip.txt"
"""The pip of a bundle."""
HASH_OPTIONS = ("--require-hashes", "--no-deps", "--only-binary=:all:")
"""pip's options for an installation from a lock file, which names all dependencies."""


class LockedPackage(NamedTuple):
    """A package of a lock file.

    ``name`` is normalized, ``marker`` says where the package is needed (empty: everywhere), and
    ``hashes`` are those of all its files, such as ``sha256:…``.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    def line(self, *, with_marker: bool = True) -> str:
        """Return the package as a line of a requirements file."""
        marker = f" ; {self.marker}" if self.marker and with_marker else ""
        hashes = "".join(f" --hash={value}" for value in self.hashes)
        return f"{self.name}=={self.version}{marker}{hashes}"


def read_lock(path: Path) -> list[LockedPackage]:
    """Return the packages of a lock file.

    Raises ``InstallError`` for a line without an exact version or without a hash.
    """
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    packages = []
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        requirement, *hashes = re.split(r"\s+--hash=", line)
        found = re.fullmatch(r"([\w.-]+)==([\w.!+]+)(?:\s*;\s*(.+))?", requirement.strip())
        if found is None or not hashes:
            raise InstallError(
                f"'{requirement}' in {path.name} is not pinned to a version with hashes.",
                "Run install/locks/update.",
            )
        name = normalize_name(found[1])
        packages.append(LockedPackage(name, found[2], found[3] or "", tuple(hashes)))
    return packages


def packages_for(
    packages: Iterable[LockedPackage], target: Target, python: str
) -> list[LockedPackage]:
    """Return the packages that ``target`` needs with the Python version ``python``.

    Needs ``packaging``, which a device does not have.
    """
    from packaging.markers import Marker

    environment = marker_environment(target, python)
    return [
        package
        for package in packages
        if not package.marker or Marker(package.marker).evaluate(environment)
    ]


def write_requirements(
    packages: Iterable[LockedPackage], path: Path, *, with_markers: bool = True
) -> Path:
    """Write ``packages`` with their hashes as a requirements file and return its path."""
    lines = [f"{package.line(with_marker=with_markers)}\n" for package in packages]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def marker_environment(target: Target, python: str) -> dict[str, str]:
    """Return the values of the variables in markers for ``target``, not for this device."""
    return {
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": target.machine,
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }


def normalize_name(name: str) -> str:
    """Return the normalized name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()
