"""Download the wheels for a target that is not this device.

pip can download for another platform, but it evaluates markers such as ``python_version < "3.11"``
for the Python that runs it. Therefore the requirements of every downloaded wheel are evaluated for
the target, and missing wheels are downloaded until all requirements are met.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from install.errors import InstallError
from install.target import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# The oldest glibc among the supported systems is that of Ubuntu 22.04, 2.35.
_GLIBC_MINOR = range(17, 36)
_ROUNDS = 10


def collect_wheels(
    requirements: Iterable[str], target: Target, python: str, folder: Path, skipped: frozenset[str]
) -> None:
    """Download the wheels of ``requirements`` and of all their dependencies into ``folder``.

    ``target`` and ``python`` are the target and its Python version; ``skipped`` are distributions
    that are supplied otherwise. Raises ``InstallError`` if the package index has no fitting wheel.
    """
    missing = list(requirements)
    for _ in range(_ROUNDS):
        run_pip_download(missing, target, python, folder)
        for path in folder.glob("*.whl"):
            if normalize_name(path.name.split("-")[0]) in skipped:
                path.unlink()
        missing = sorted(set(missing_wheels(folder, target, python, skipped)))
        if not missing:
            return
    raise InstallError(
        f"These requirements cannot be met: {', '.join(missing)}.", "Relax their version bounds."
    )


def run_pip_download(requirements: list[str], target: Target, python: str, folder: Path) -> None:
    """Download the wheels of ``requirements`` with one call of pip, using the user's pip settings.

    Raises ``InstallError`` if pip fails.
    """
    tags = [f"manylinux_2_{minor}_{target.machine}" for minor in _GLIBC_MINOR]
    platforms = [f"manylinux2014_{target.machine}", f"linux_{target.machine}", *tags]
    command = [sys.executable, "-m", "pip", "--quiet", "download", "--only-binary=:all:"]
    command += ["--dest", str(folder), "--implementation", "cp", "--python-version", python]
    command += [word for name in platforms for word in ("--platform", name)]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    result = subprocess.run(
        [*command, *requirements], capture_output=True, text=True, check=False, env=environment
    )
    if result.returncode != 0:
        stderr_lines = result.stderr.strip().splitlines() or ["no error message"]
        raise InstallError(
            f"pip could not download the wheels for {target.name}, Python {python}: "
            f"{stderr_lines[-1]}",
            "Check the internet connection; a package may also have no wheel for the target.",
        )


def missing_wheels(
    folder: Path, target: Target, python: str, skipped: frozenset[str]
) -> Iterator[str]:
    """Yield the requirements of the wheels in ``folder`` that no wheel in ``folder`` meets."""
    wheels = sorted(folder.glob("*.whl"))
    available = {
        normalize_name(path.name.split("-")[0]): path.name.split("-")[1] for path in wheels
    }
    for path in wheels:
        for requirement in requirements_of(path, target, python):
            name = normalize_name(requirement.name)
            found = available.get(name)
            if name not in skipped and (
                found is None or not requirement.specifier.contains(found, prereleases=True)
            ):
                yield f"{requirement.name}{requirement.specifier}"


def requirements_of(wheel: Path, target: Target, python: str) -> Iterator[Requirement]:
    """Yield the requirements of ``wheel``, without extras, that apply to ``target`` and ``python``.

    Markers are evaluated for the target, not for this device.
    """
    from packaging.requirements import Requirement

    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    marker_environment = {
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
    for line in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(marker_environment):
            yield requirement


def normalize_name(name: str) -> str:
    """Return the normalized name of a distribution."""
    return name.replace("_", "-").replace(".", "-").lower()
