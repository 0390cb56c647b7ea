"""What the machine is: model, L4T release, power mode by name."""

from __future__ import annotations

import re
from pathlib import Path

from appliance.telemetry.nodes import text

_RELEASE = re.compile(r"R(\d+)\s*\(release\).*REVISION:\s*([\d.]+)")
_MODE = re.compile(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>")
_CURRENT = re.compile(r"pmode:\s*(\d+)")


def model(root: Path) -> str | None:
    """What the device tree calls the board; ``None`` on machines without one."""
    return text(root / "proc/device-tree/model") or None


def l4t(root: Path) -> str | None:
    """The release of NVIDIA's Linux for Tegra, as ``36.4.3``; ``None`` elsewhere."""
    match = _RELEASE.search(text(root / "etc/nv_tegra_release") or "")
    return f"{match[1]}.{match[2]}" if match else None


def jetpack(release: str | None) -> str | None:
    """The JetPack that ``release`` belongs to, as far as its first digits tell."""
    major = (release or "").split(".")[0]
    return {"35": "5", "36": "6", "38": "7", "39": "7"}.get(major)


def is_jetson(root: Path) -> bool:
    """Whether this is a Jetson."""
    return l4t(root) is not None or "Jetson" in (model(root) or "")


class PowerMode:
    """The power mode of ``nvpmodel`` by its name: numbers mean another mode on each board."""

    def __init__(self, root: Path) -> None:
        conf = text(root / "etc/nvpmodel.conf") or ""
        self.names = {int(match[1]): match[2] for match in _MODE.finditer(conf)}
        self._status = root / "var/lib/nvpmodel/status"

    def name(self) -> str | None:
        """``15W``, ``MAXN_SUPER``, …; ``mode 2`` where the number has no name; else ``None``."""
        match = _CURRENT.search(text(self._status) or "")
        if match is None:
            return None
        return self.names.get(int(match[1]), f"mode {int(match[1])}")
