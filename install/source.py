"""What is installed from: a checkout, which needs the internet, or a bundle, which does not."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from install.errors import InstallError
from install.runtime import CPU

PACKAGES = ("appliance", "web", "models_lite")
"""The folders of a checkout that become the installed program."""
SUPPORT = ("install", "systemd", "docs", "setup.sh", "config.yaml")
"""What goes beside the program, so that it can be removed and rolled back without its source."""
_BUILD = (*PACKAGES, "pyproject.toml", "README.md", "LICENSE")

MANIFEST = "bundle.json"
SUMS = "SHA256SUMS"
# What tools leave behind, and what set-up fetches (see install.program.BESIDE_WHEELS).
_NOT_SOURCES = ("__pycache__", "node_modules", "vendor")


@dataclass(frozen=True)
class Source:
    """The folder with ``setup.sh``; ``manifest`` is a bundle's table of contents."""

    folder: Path
    version: str
    manifest: dict[str, object] | None = None

    @classmethod
    def open(cls, folder: Path) -> Source:
        """Raises ``InstallError`` for a bundle of which a file is missing or damaged."""
        if (folder / MANIFEST).is_file():
            check_sums(folder)
            manifest = json.loads((folder / MANIFEST).read_bytes())
            return cls(folder, str(manifest["version"]), manifest)
        return cls(folder, _version(folder / "pyproject.toml"))

    @property
    def is_bundle(self) -> bool:
        """Whether everything is here and nothing need be fetched."""
        return self.manifest is not None

    def wheel(self, start: str) -> Path:
        """The bundle's wheel whose name starts with ``start``; ``InstallError`` if none does."""
        found = sorted((self.folder / "wheels").glob(f"{start}-*.whl"))
        if not found:
            raise InstallError(f"The bundle lacks {start}.", "Make the bundle again.")
        return found[-1]

    def gpu_wheel(self) -> str | None:
        """The file of a bundle's own ONNX Runtime for a GPU."""
        name = str((self.manifest or {}).get("onnxruntime", CPU))
        return None if name == CPU else str(self.folder / "wheels" / name)

    def cpu_runtime(self) -> str | None:
        """``cpu`` for a bundle that was made with the CPU's ONNX Runtime."""
        return CPU if self.is_bundle and self.gpu_wheel() is None else None

    def identity(self, python: str, runtime: str) -> str:
        """The name of the version folder: equal for equal contents, whoever unpacked them."""
        digest = hashlib.sha256(f"{python}\n{runtime}\n".encode())
        if self.is_bundle:
            digest.update((self.folder / SUMS).read_bytes())
        else:
            for path in tree(self.folder, (*_BUILD, *SUPPORT)):
                digest.update(f"{path.relative_to(self.folder)}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return f"{self.version}-{digest.hexdigest()[:10]}"

    def copy_for_build(self, folder: Path) -> None:
        """The sources alone, so that a build by root leaves nothing behind in a user's checkout."""
        _copy(self.folder, folder, _BUILD)

    def copy_support(self, folder: Path) -> None:
        """What the version folder keeps beside the program."""
        _copy(self.folder, folder, SUPPORT)


def check_sums(folder: Path) -> None:
    """Compare every file of an unpacked bundle with its list of SHA-256 sums."""
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        wanted, _, name = line.partition("  ")
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InstallError(f"The bundle names '{name}', outside itself.", "Do not use it.")
        try:
            found = sha256(path)
        except OSError:
            found = ""
        if found != wanted:
            raise InstallError(
                f"'{name}' in the bundle is missing or damaged.",
                "Copy the bundle to this box again and unpack it again.",
            )


def sha256(path: Path) -> str:
    """The SHA-256 of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def tree(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """The files below ``folder / name`` in a fixed order, without what tools leave behind."""
    for name in sorted(names):
        top = folder / name
        if top.is_file():
            yield top
        elif top.is_dir():
            for path in sorted(top.rglob("*")):
                skipped = set(_NOT_SOURCES) & set(path.relative_to(folder).parts)
                if path.is_file() and not skipped:
                    yield path


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder's sources into ``target``, which may be there. Nobody but root may write to the
    copy, whatever the modes were (a stick's files are often everybody's)."""
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in _NOT_SOURCES]
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        for name in names:
            _copy_file(Path(folder) / name, place / name)


def _copy_file(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _copy(source: Path, target: Path, names: tuple[str, ...]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = source / name
        if path.is_dir():
            copy_tree(path, target / name)
        elif path.is_file():
            _copy_file(path, target / name)


def _version(pyproject: Path) -> str:
    # Python 3.10 has no TOML reader in its library.
    text = pyproject.read_text(encoding="utf-8") if pyproject.is_file() else ""
    found = re.search(r'^version = "([^"]+)"$', text, re.MULTILINE)
    if not found:
        raise InstallError(
            f"{pyproject.parent} is neither a checkout of Lectern nor an unpacked bundle.",
            "Run setup.sh where it lies in one of them.",
        )
    return found[1]
