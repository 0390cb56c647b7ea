"""Download the wheels for a target that is not this device.

The wheels of the lock file are downloaded with their hashes. The build of ONNX Runtime that the
owner of a Jetson specifies may require packages that the lock file does not name; these are taken
from the package index, without hashes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import TYPE_CHECKING

from install.errors import InstallError
from install.lock import (
    HASH_OPTIONS,
    LockedPackage,
    marker_environment,
    normalize_name,
    write_requirements,
)
from install.target import Target

if TYPE_CHECKING:
    from packaging.requirements import Requirement

# The oldest glibc among the supported systems is that of Ubuntu 22.04, 2.35.
_GLIBC_MINOR = range(17, 36)
_ROUNDS = 10


def download_locked(
    packages: Iterable[LockedPackage], target: Target, python: str, folder: Path
) -> None:
    """Download the wheels of ``packages`` for ``target`` into ``folder`` and check their hashes.

    ``python`` is the target's Python version. Raises ``InstallError`` if the package index has no
    fitting wheel or if the hash of a wheel is not in the lock file.
    """
    with tempfile.TemporaryDirectory(prefix="lectern-") as scratch:
        # pip would evaluate the markers for the Python that runs it.
        requirements = write_requirements(
            packages, Path(scratch) / "requirements.txt", with_markers=False
        )
        run_pip_download([*HASH_OPTIONS, "-r", str(requirements)], target, python, folder)


def download_unlocked(target: Target, python: str, folder: Path, skipped: frozenset[str]) -> None:
    """Download what the wheels in ``folder`` require and no wheel in ``folder`` provides.

    ``skipped`` are distributions that are supplied otherwise. Raises ``InstallError`` if a package
    is in the folder in another version than required, or if the package index has no fitting wheel.
    """
    for _ in range(_ROUNDS):
        missing = sorted(set(missing_wheels(folder, target, python, skipped)))
        if not missing:
            return
        present = {normalize_name(path.name.split("-")[0]) for path in folder.glob("*.whl")}
        conflicts = [
            need for need in missing if normalize_name(re.split(r"[^\w.-]", need)[0]) in present
        ]
        if conflicts:
            raise InstallError(
                f"ONNX Runtime requires {', '.join(conflicts)}, but the lock file has another "
                "version.",
                "Specify another build of ONNX Runtime.",
            )
        run_pip_download(["--no-deps", "--only-binary=:all:", *missing], target, python, folder)
    raise InstallError(
        f"These requirements cannot be met: {', '.join(missing)}.",
        "Specify another build of ONNX Runtime.",
    )


def run_pip_download(words: list[str], target: Target, python: str, folder: Path) -> None:
    """Download wheels with one call of pip, using the user's pip settings.

    ``words`` are the requirements and further options of ``pip download``.

    Raises ``InstallError`` if pip fails.
    """
    tags = [f"manylinux_2_{minor}_{target.machine}" for minor in _GLIBC_MINOR]
    platforms = [f"manylinux2014_{target.machine}", f"linux_{target.machine}", *tags]
    command = [sys.executable, "-m", "pip", "--quiet", "download"]
    command += ["--dest", str(folder), "--implementation", "cp", "--python-version", python]
    command += [word for name in platforms for word in ("--platform", name)]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    result = subprocess.run(
        [*command, *words], capture_output=True, text=True, check=False, env=environment
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
    environment = marker_environment(target, python)
    for line in metadata.get_all("Requires-Dist") or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield requirement
