"""Which of the machine's Pythons the program will run on."""

from __future__ import annotations

import json
from typing import NamedTuple

from install.errors import InstallError
from install.source import Source
from install.system import System

VERSIONS = ("3.12", "3.11", "3.10")

_ASK = """
import json, sys
try:
    import ensurepip, venv
    whole = True
except ImportError:
    whole = False
print(json.dumps(["%d.%d" % sys.version_info[:2], whole]))
"""


class Python(NamedTuple):
    """An interpreter and its version, ``3.11``."""

    path: str
    version: str


def find_python(system: System, source: Source, named: str | None) -> Python:
    """The interpreter ``named``, else the first of the system's own that fits ``source``.

    Only /usr/bin is searched: the services' user cannot reach one in somebody's home. An install
    from the package index needs ``venv`` whole; a bundle brings its own pip.
    """
    wanted: tuple[str, ...] = VERSIONS
    if source.manifest is not None:
        wanted = tuple(str(version) for version in _list(source.manifest["pythons"]))
    names = [named] if named else [f"/usr/bin/python{v}" for v in ("3", *VERSIONS)]
    lacking = ""
    for name in names:
        try:
            version, whole = json.loads(system.run(name, "-I", "-c", _ASK))
        except (InstallError, ValueError):
            continue
        if version in wanted and (whole or source.is_bundle):
            return Python(name, version)
        if version in wanted:
            lacking = f"python{version}-venv"
    if lacking:
        raise InstallError(
            "Python's venv module is not whole.", f"Run 'sudo apt-get install {lacking}' first."
        )
    if named:
        raise InstallError(
            f"'{named}' is no Python {', '.join(reversed(wanted))}.", "Name one that is."
        )
    raise InstallError(
        f"No Python {', '.join(reversed(wanted))} was found in /usr/bin.",
        "Install one of them, or name it with --python.",
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
