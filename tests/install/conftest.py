"""A simulated machine: a folder as its root, and a command runner that records the commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from install.errors import InstallError
from install.plan import InstallOptions
from install.runtime import RuntimeSource
from install.source import Source
from install.system import System

PROJECT = Path(__file__).resolve().parents[2]
OPTIONS = InstallOptions("/usr/bin/python3", "3.11", RuntimeSource("cpu", ""))


class Machine:
    """A machine that runs no command, but simulates the effects that the installer relies on.

    These are user accounts, the folders of virtual environments and the links of units. Commands
    that contain the word ``failing`` fail.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[list[str]] = []
        self.failing = ""
        self.system = System(root, self.run, {"PATH": "/usr/bin"})
        for name, text in {
            "etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
            "etc/group": "root:x:0:\nvideo:x:44:\n",
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> str:
        words = list(command)
        self.commands.append(words)
        if self.failing and any(self.failing in word for word in words):
            raise InstallError(f"{self.failing} failed.", "Repair it.")
        match words:
            case ["useradd", *_]:
                self._append(
                    "etc/passwd", "lectern:x:999:999::/var/lib/lectern:/usr/sbin/nologin\n"
                )
                self._write("etc/group", "root:x:0:\nvideo:x:44:lectern\nlectern:x:999:\n")
            case ["userdel", *_]:
                self._write("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
                self._write("etc/group", "root:x:0:\nvideo:x:44:\n")
            case [_, "-m", "venv", folder, *_]:
                Path(folder, "bin").mkdir(parents=True)
            case ["systemctl", "enable" | "disable" as verb, _, *units]:
                for unit in units:
                    self._enable(unit, on=verb == "enable")
        return ""

    def _enable(self, unit: str, *, on: bool) -> None:
        target = "sockets" if unit.endswith(".socket") else "multi-user"
        link = self.root / f"etc/systemd/system/{target}.target.wants/{unit}"
        link.unlink(missing_ok=True)
        if on:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"/etc/systemd/system/{unit}")

    def _write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def _append(self, name: str, text: str) -> None:
        self._write(name, (self.root / name).read_text() + text)

    def text(self, name: str) -> str:
        """Return the text of a file."""
        return (self.root / name).read_text()

    def files(self) -> set[str]:
        """Return the paths of all files and folders."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


def make_checkout(folder: Path, version: str = "1.0.0") -> Source:
    """Create a minimal checkout with the real units."""
    for name in ("appliance", "lectern", "web", "models_lite", "docs", "install"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "x.py").write_text(f"# {version}\n")
    for name in ("setup.sh", "config.yaml", "README.md", "LICENSE"):
        (folder / name).write_text(name)
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    locks = folder / "install/locks"
    locks.mkdir(exist_ok=True)
    for name, package in {"device.txt": "onnxruntime", "build.txt": "setuptools"}.items():
        (locks / name).write_text(f"{package}==1 \\\n    --hash=sha256:{'0' * 64}\n")
    units = folder / "systemd"
    units.mkdir(exist_ok=True)
    for path in (PROJECT / "systemd").iterdir():
        if path.is_file():
            (units / path.name).write_bytes(path.read_bytes())
    return Source.open(folder)


def make_bundle(folder: Path, **manifest: object) -> None:
    """Write the manifest of a bundle, without the checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"version": "1.0.0", "onnxruntime": "cpu", "pythons": ["3.11"], **manifest}
    (folder / "bundle.json").write_text(json.dumps(facts))
