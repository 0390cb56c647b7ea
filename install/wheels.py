"""Gathers the wheels of a target that is not this machine.

pip can download for another platform, but it reads conditions such as ``python_version < "3.11"``
by the Python that runs it. So what it brought is checked against every wheel's own list of needs,
read for the target, and what is missing is fetched until nothing is.
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

# The oldest C library among the systems that Lectern runs on is Ubuntu 22.04's, 2.35.
_GLIBC_MINOR = range(17, 36)
_ROUNDS = 10


def gather(
    wanted: Iterable[str], target: Target, python: str, folder: Path, skipped: frozenset[str]
) -> None:
    """Put the wheels of ``wanted`` and of all they need for ``python`` on ``target`` into
    ``folder``. ``skipped`` names distributions that are supplied otherwise.

    Raises ``InstallError`` where the package index has no fitting wheel.
    """
    missing = list(wanted)
    for _ in range(_ROUNDS):
        download(missing, target, python, folder)
        for path in folder.glob("*.whl"):
            if plain(path.name.split("-")[0]) in skipped:
                path.unlink()
        missing = sorted(set(lacking(folder, target, python, skipped)))
        if not missing:
            return
    raise InstallError(f"These needs cannot be met: {', '.join(missing)}.", "Loosen their bounds.")


def download(wanted: list[str], target: Target, python: str, folder: Path) -> None:
    """One call of pip; its own settings apply."""
    tags = [f"manylinux_2_{minor}_{target.machine}" for minor in _GLIBC_MINOR]
    platforms = [f"manylinux2014_{target.machine}", f"linux_{target.machine}", *tags]
    command = [sys.executable, "-m", "pip", "--quiet", "download", "--only-binary=:all:"]
    command += ["--dest", str(folder), "--implementation", "cp", "--python-version", python]
    command += [word for name in platforms for word in ("--platform", name)]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    result = subprocess.run(
        [*command, *wanted], capture_output=True, text=True, check=False, env=environment
    )
    if result.returncode != 0:
        said = result.stderr.strip().splitlines() or ["it said nothing"]
        raise InstallError(
            f"pip could not get the wheels for {target.name}, Python {python}: {said[-1]}",
            "Look at the internet connection; the target may also lack a wheel.",
        )


def lacking(folder: Path, target: Target, python: str, skipped: frozenset[str]) -> Iterator[str]:
    """What the wheels of ``folder`` need on the target and do not find among themselves."""
    wheels = sorted(folder.glob("*.whl"))
    here = {plain(path.name.split("-")[0]): path.name.split("-")[1] for path in wheels}
    for path in wheels:
        for need in needs(path, target, python):
            name = plain(need.name)
            found = here.get(name)
            if name not in skipped and (
                found is None or not need.specifier.contains(found, prereleases=True)
            ):
                yield f"{need.name}{need.specifier}"


def needs(wheel: Path, target: Target, python: str) -> Iterator[Requirement]:
    """The requirements of ``wheel`` that hold on ``target`` with ``python``, without extras."""
    from packaging.requirements import Requirement

    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    place = {
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
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate(place):
            yield need


def plain(name: str) -> str:
    """A distribution's name as the package index compares it."""
    return name.replace("_", "-").replace(".", "-").lower()
