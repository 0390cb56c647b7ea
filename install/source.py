"""The source of an installation: a checkout (needs the internet) or a bundle (does not)."""

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

PACKAGE_FOLDERS = ("appliance", "lectern", "web", "models_lite")
"""The folders of a checkout that are installed as packages."""
SUPPORT_FILES = ("install", "systemd", "docs", "setup.sh", "config.yaml")
"""Files stored beside the packages, so that Lectern can be removed and rolled back without its
source."""
_BUILD_FILES = (*PACKAGE_FOLDERS, "pyproject.toml", "README.md", "LICENSE")

MANIFEST = "bundle.json"
SUMS = "SHA256SUMS"
SIGNATURE = f"{SUMS}.sig"
# Folders created by tools, and downloaded files (see install.release.EXTRA_FOLDERS).
_IGNORED_FOLDERS = ("__pycache__", "node_modules", "vendor")


@dataclass(frozen=True)
class Source:
    """The folder that contains ``setup.sh``; ``manifest`` is ``None`` unless it is a bundle."""

    folder: Path
    version: str
    manifest: dict[str, object] | None = None

    @classmethod
    def open(cls, folder: Path) -> Source:
        """Return ``folder`` as a source.

        Raises ``InstallError`` if it is neither a checkout nor a bundle, or if a file of the bundle
        is missing or damaged.
        """
        if (folder / MANIFEST).is_file():
            check_sums(folder)
            manifest = json.loads((folder / MANIFEST).read_bytes())
            return cls(folder, str(manifest["version"]), manifest)
        return cls(folder, _read_version(folder / "pyproject.toml"))

    @property
    def is_bundle(self) -> bool:
        """Whether the source is complete, so that nothing needs to be downloaded."""
        return self.manifest is not None

    def wheel(self, distribution: str) -> Path:
        """Return the bundle's wheel of ``distribution``. Raises ``InstallError`` if it has none."""
        found = sorted((self.folder / "wheels").glob(f"{distribution}-*.whl"))
        if not found:
            raise InstallError(
                f"The bundle does not contain {distribution}.", "Build the bundle again."
            )
        return found[-1]

    def gpu_wheel(self) -> str | None:
        """Return the path of the bundle's ONNX Runtime for a GPU, or ``None``."""
        name = str((self.manifest or {}).get("onnxruntime", CPU))
        return None if name == CPU else str(self.folder / "wheels" / name)

    def cpu_runtime(self) -> str | None:
        """Return ``cpu`` for a bundle with ONNX Runtime for the CPU, else ``None``."""
        return CPU if self.is_bundle and self.gpu_wheel() is None else None

    def identity(self, python: str, runtime: str) -> str:
        """Return the name of the version folder; it depends only on the contents of the source."""
        digest = hashlib.sha256(f"{python}\n{runtime}\n".encode())
        if self.is_bundle:
            digest.update((self.folder / SUMS).read_bytes())
        else:
            for path in list_files(self.folder, (*_BUILD_FILES, *SUPPORT_FILES)):
                digest.update(f"{path.relative_to(self.folder)}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return f"{self.version}-{digest.hexdigest()[:10]}"

    def copy_for_build(self, folder: Path) -> None:
        """Copy the sources, so that a build by root leaves no files in a user's checkout."""
        _copy_all(self.folder, folder, _BUILD_FILES)

    def copy_support(self, folder: Path) -> None:
        """Copy the files that the version folder contains beside the packages."""
        _copy_all(self.folder, folder, SUPPORT_FILES)


def check_sums(folder: Path) -> None:
    """Compare every file of an unpacked bundle with its list of SHA-256 sums.

    Raises ``InstallError`` for a missing or damaged file, for a path outside the bundle and for a
    file that is not in the list but would be installed or run.
    """
    listed = {SUMS, SIGNATURE}
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        expected, _, name = line.partition("  ")
        listed.add(name)
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InstallError(
                f"The bundle refers to '{name}', which is outside of it.", "Do not use this bundle."
            )
        try:
            found = sha256(path)
        except OSError:
            found = ""
        if found != expected:
            raise InstallError(
                f"'{name}' in the bundle is missing or damaged.",
                "Copy the bundle to this device again and unpack it again.",
            )
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        # Also compiled modules: Python would run them instead of the listed source.
        if name not in listed and (path.is_symlink() or not path.is_dir()):
            raise InstallError(
                f"'{name}' does not belong to the bundle.",
                "Unpack the bundle again into a new folder.",
            )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def list_files(folder: Path, names: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files below each ``folder / name`` in a fixed order, without generated files."""
    for name in sorted(names):
        top = folder / name
        if top.is_file():
            yield top
        elif top.is_dir():
            for path in sorted(top.rglob("*")):
                skipped = set(_IGNORED_FOLDERS) & set(path.relative_to(folder).parts)
                if path.is_file() and not skipped:
                    yield path


def copy_tree(source: Path, target: Path) -> None:
    """Copy the sources of a folder into ``target``, which may exist.

    Only the owner (root) may write to the copy, because the originals may have other modes: files
    on a USB drive are often writable for all users.
    """
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in _IGNORED_FOLDERS]
        target_folder = target / Path(folder).relative_to(source)
        target_folder.mkdir(parents=True, exist_ok=True)
        target_folder.chmod(0o755)
        for name in names:
            _copy_file(Path(folder) / name, target_folder / name)


def _copy_file(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _copy_all(source: Path, target: Path, names: tuple[str, ...]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = source / name
        if path.is_dir():
            copy_tree(path, target / name)
        elif path.is_file():
            _copy_file(path, target / name)


def _read_version(pyproject: Path) -> str:
    # The standard library of Python 3.10 cannot read TOML.
    text = pyproject.read_text(encoding="utf-8") if pyproject.is_file() else ""
    found = re.search(r'^version = "([^"]+)"$', text, re.MULTILINE)
    if not found:
        raise InstallError(
            f"{pyproject.parent} is neither a checkout of Lectern nor an unpacked bundle.",
            "Run setup.sh in one of these.",
        )
    return found[1]
