"""The kinds of devices that Lectern can be installed on."""

from __future__ import annotations

import platform
import re
from typing import NamedTuple

from install.errors import InstallError
from install.system import System


class Target(NamedTuple):
    """A kind of device: processor, Python versions of its system, and whether it is a Jetson."""

    name: str
    machine: str
    pythons: tuple[str, ...]
    jetson: bool


TARGETS = {
    "jp6": Target("jp6", "aarch64", ("3.10",), True),
    "jp7": Target("jp7", "aarch64", ("3.12",), True),
    "x86": Target("x86", "x86_64", ("3.10", "3.11", "3.12"), False),
    "arm64": Target("arm64", "aarch64", ("3.10", "3.11", "3.12"), False),
}
"""``jp6`` and ``jp7`` are JetPack 6 and 7; ``arm64`` is any other aarch64 device."""

_TESTED = {("debian", "12"), ("ubuntu", "22.04"), ("ubuntu", "24.04")}
# The Jetson Linux release of each JetPack: 36.x belongs to 6, 38.x and 39.x to 7.
_JETPACK = {"36": "jp6", "38": "jp7", "39": "jp7"}


def detect_target(system: System, machine: str = platform.machine()) -> Target:
    """Return the target of ``system``. Raises ``InstallError`` for an unsupported device."""
    release = (system.read("/etc/nv_tegra_release") or b"").decode(errors="replace")
    if release:
        found = re.match(r"#\s*R(\d+)\b", release)
        name = _JETPACK.get(found[1]) if found else None
        if name is None:
            raise InstallError(
                f"This Jetson runs '{release.splitlines()[0].strip()}', which is not supported.",
                "Flash it with JetPack 6 or 7 and try again.",
            )
        return TARGETS[name]
    for target in TARGETS.values():
        if target.machine == machine and not target.jetson:
            return target
    raise InstallError(
        f"The processor '{machine}' is not supported.", "Lectern needs x86-64 or aarch64."
    )


def untested_os(system: System) -> str:
    """Return the name of the operating system if Lectern was not tested on it, else ``""``."""
    text = (system.read("/etc/os-release") or b"").decode(errors="replace")
    pairs = (line.partition("=") for line in text.splitlines())
    values = {key: value.strip("\"'") for key, _, value in pairs}
    found = (values.get("ID", ""), values.get("VERSION_ID", ""))
    return "" if found in _TESTED else values.get("PRETTY_NAME", "an unknown system")
