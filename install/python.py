"""Choose the Python interpreter that Lectern will run on."""

from __future__ import annotations

import json
from typing import NamedTuple

from install.errors import InstallError
from install.source import Source
from install.system import System

VERSIONS = ("3.12", "3.11", "3.10")

_PROBE = """
import json, sys
try:
    import ensurepip, venv
    has_venv = True
except ImportError:
    has_venv = False
print(json.dumps(["%d.%d" % sys.version_info[:2], has_venv]))
"""


class Python(NamedTuple):
    """A Python interpreter and its version, such as ``3.11``."""

    path: str
    version: str


def find_python(system: System, source: Source, named: str | None) -> Python:
    """Return the interpreter ``named``, else the first one of the system that fits ``source``.

    Only /usr/bin is searched: the services' user cannot access an interpreter in a home folder.
    Installing from the package index needs the complete ``venv`` module; a bundle contains pip.
    Raises ``InstallError`` if no interpreter fits.
    """
    versions: tuple[str, ...] = VERSIONS
    if source.manifest is not None:
        versions = tuple(str(version) for version in _as_list(source.manifest["pythons"]))
    names = [named] if named else [f"/usr/bin/python{v}" for v in ("3", *VERSIONS)]
    missing_package = ""
    for name in names:
        try:
            version, has_venv = json.loads(system.run(name, "-I", "-c", _PROBE))
        except (InstallError, ValueError):
            continue
        if version in versions and (has_venv or source.is_bundle):
            return Python(name, version)
        if version in versions:
            missing_package = f"python{version}-venv"
    if missing_package:
        raise InstallError(
            "Python's venv module is incomplete.",
            f"Run 'sudo apt-get install {missing_package}' first.",
        )
    if named:
        raise InstallError(
            f"'{named}' is not a suitable Python ({', '.join(reversed(versions))}).",
            "Specify another interpreter.",
        )
    raise InstallError(
        f"No suitable Python ({', '.join(reversed(versions))}) was found in /usr/bin.",
        "Install one of them, or specify an interpreter with --python.",
    )


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
