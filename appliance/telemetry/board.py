"""Identification of the device: board model, L4T and JetPack release, power mode."""

from __future__ import annotations

import re
from pathlib import Path

from appliance.system.sysfs import read_text

_RELEASE = re.compile(r"R(\d+)\s*\(release\).*REVISION:\s*([\d.]+)")
_MODE = re.compile(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>")
_CURRENT = re.compile(r"pmode:\s*(\d+)")


def board_model(root: Path) -> str | None:
    """Return the board model from the device tree; ``None`` on machines without a device tree."""
    return read_text(root / "proc/device-tree/model") or None


def l4t_version(root: Path) -> str | None:
    """Return the release of NVIDIA's Linux for Tegra, such as ``36.4.3``; ``None`` elsewhere."""
    match = _RELEASE.search(read_text(root / "etc/nv_tegra_release") or "")
    return f"{match[1]}.{match[2]}" if match else None


def jetpack_version(release: str | None) -> str | None:
    """Return the major version of JetPack that contains the L4T ``release``, or ``None``."""
    major = (release or "").split(".")[0]
    return {"35": "5", "36": "6", "38": "7", "39": "7"}.get(major)


def is_jetson(root: Path) -> bool:
    """Return whether this machine is a Jetson."""
    return l4t_version(root) is not None or "Jetson" in (board_model(root) or "")


class PowerMode:
    """The power mode of ``nvpmodel``, by name because the numbers differ between boards."""

    def __init__(self, root: Path) -> None:
        conf = read_text(root / "etc/nvpmodel.conf") or ""
        self.names = {int(match[1]): match[2] for match in _MODE.finditer(conf)}
        self._status = root / "var/lib/nvpmodel/status"

    def name(self) -> str | None:
        """Return the current mode: ``15W``, ``MAXN_SUPER``, …, or ``None`` if it is unknown.

        For a number without a name the result is, for example, ``mode 2``.
        """
        match = _CURRENT.search(read_text(self._status) or "")
        if match is None:
            return None
        return self.names.get(int(match[1]), f"mode {int(match[1])}")
