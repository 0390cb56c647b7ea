"""Which kind of machine this is, or a bundle is for."""

from __future__ import annotations

import platform
import re
from typing import NamedTuple

from install.errors import InstallError
from install.system import System


class Target(NamedTuple):
    """A kind of box: its processor, the Pythons that its system ships, whether it is a Jetson."""

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
"""``jp6`` and ``jp7`` are JetPack 6 and 7; ``arm64`` is any other aarch64 machine."""

_TRIED = {("debian", "12"), ("ubuntu", "22.04"), ("ubuntu", "24.04")}
# The Jetson Linux release of each JetPack: 36.x belongs to 6, 38.x and 39.x to 7.
_JETPACK = {"36": "jp6", "38": "jp7", "39": "jp7"}


def detect(system: System, machine: str = platform.machine()) -> Target:
    """What ``system`` is. Raises ``InstallError`` for machines that Lectern cannot run on."""
    release = (system.read("/etc/nv_tegra_release") or b"").decode(errors="replace")
    if release:
        found = re.match(r"#\s*R(\d+)\b", release)
        name = _JETPACK.get(found[1]) if found else None
        if name is None:
            raise InstallError(
                f"This Jetson runs '{release.splitlines()[0].strip()}'.",
                "Flash it with JetPack 6 or 7 and run this again.",
            )
        return TARGETS[name]
    for target in TARGETS.values():
        if target.machine == machine and not target.jetson:
            return target
    raise InstallError(
        f"The processor of this machine is '{machine}'.", "Lectern needs an x86-64 or aarch64 one."
    )


def untried(system: System) -> str:
    """The name of an operating system that Lectern has not been tried on, else ``""``."""
    text = (system.read("/etc/os-release") or b"").decode(errors="replace")
    pairs = (line.partition("=") for line in text.splitlines())
    values = {key: value.strip("\"'") for key, _, value in pairs}
    this = (values.get("ID", ""), values.get("VERSION_ID", ""))
    return "" if this in _TRIED else values.get("PRETTY_NAME", "an unknown system")
