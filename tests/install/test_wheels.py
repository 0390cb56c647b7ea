"""Downloading wheels for another machine: markers are evaluated for the target."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from install import wheels
from install.errors import InstallError
from install.lock import LockedPackage
from install.target import TARGETS, Target
from install.wheels import (
    download_locked,
    download_unlocked,
    missing_wheels,
    requirements_of,
)

JP6 = TARGETS["jp6"]
NONE = frozenset[str]()


def make_wheel(folder: Path, name: str, version: str, *requires: str) -> Path:
    """Write a minimal wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    with zipfile.ZipFile(path, "w") as archive:
        folder_name = f"{name}-{version}.dist-info"
        archive.writestr(f"{folder_name}/METADATA", "\n".join(lines) + "\n\n")
        archive.writestr(f"{folder_name}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    return path


def test_requirements_are_those_of_the_target(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        "lectern",
        "1.0",
        "numpy>=2.2",
        'tomli>=2; python_version < "3.11"',
        'winreg; sys_platform == "win32"',
        'torch; extra == "export"',
        'intel; platform_machine == "x86_64"',
    )
    assert [need.name for need in requirements_of(wheel, JP6, "3.10")] == ["numpy", "tomli"]
    assert [need.name for need in requirements_of(wheel, JP6, "3.12")] == ["numpy"]


def test_missing_wheels_are_those_that_no_wheel_satisfies(tmp_path: Path) -> None:
    make_wheel(tmp_path, "flask", "3.1", "Jinja2>=3", "werkzeug>=3.1", "blinker")
    make_wheel(tmp_path, "jinja2", "3.0")
    make_wheel(tmp_path, "Werkzeug", "3.0")
    assert list(missing_wheels(tmp_path, JP6, "3.10", NONE)) == ["werkzeug>=3.1", "blinker"]
    assert list(missing_wheels(tmp_path, JP6, "3.10", frozenset({"blinker"}))) == ["werkzeug>=3.1"]


class FakeIndex:
    """A replacement of pip that supplies the requested wheels without their dependencies."""

    def __init__(self, **dependencies: str) -> None:
        self.dependencies = dependencies
        self.requested: list[list[str]] = []

    def download(self, words: list[str], target: Target, python: str, folder: Path) -> None:
        requirements = [word for word in words if not word.startswith("-")]
        self.requested.append(requirements)
        for name in requirements:
            make_wheel(folder, name, "1.0", *filter(None, [self.dependencies[name]]))


def test_what_only_the_gpu_build_requires_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path, "onnxruntime_gpu", "1.0", "numpy", "coloredlogs", "onnxruntime")
    make_wheel(tmp_path, "numpy", "2.0")
    index = FakeIndex(coloredlogs='humanfriendly; python_version < "3.11"', humanfriendly="")
    monkeypatch.setattr(wheels, "run_pip_download", index.download)
    download_unlocked(JP6, "3.10", tmp_path, frozenset({"onnxruntime", "onnxruntime-gpu"}))
    assert index.requested == [["coloredlogs"], ["humanfriendly"]]


def test_gpu_build_that_contradicts_the_lock_is_rejected(tmp_path: Path) -> None:
    make_wheel(tmp_path, "onnxruntime_gpu", "1.0", "numpy<2")
    make_wheel(tmp_path, "numpy", "2.0")
    with pytest.raises(InstallError, match=r"requires numpy<2, but the lock file has another"):
        download_unlocked(JP6, "3.10", tmp_path, frozenset({"onnxruntime-gpu"}))


class TestHashes:
    """The real pip, with a folder as its package index."""

    @pytest.fixture(autouse=True)
    def index(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "index"
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        return folder

    def download(self, wheel: Path, target: Path, marker: str = "") -> list[str]:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        packages = [LockedPackage("chalk", "1.0", marker, (f"sha256:{digest}",))]
        target.mkdir()
        download_locked(packages, JP6, "3.10", target)
        return [path.name for path in target.iterdir()]

    def test_wheel_of_the_lock_is_downloaded_whatever_python_runs_pip(
        self, index: Path, tmp_path: Path
    ) -> None:
        marker = f"python_version != '{sys.version_info[0]}.{sys.version_info[1]}'"
        wheel = make_wheel(index, "chalk", "1.0", "tomli; python_version < '3'")
        assert self.download(wheel, tmp_path / "out", marker) == [wheel.name]

    def test_other_wheel_of_the_same_name_is_rejected(self, index: Path, tmp_path: Path) -> None:
        locked = make_wheel(tmp_path / "locked", "chalk", "1.0")
        make_wheel(index, "chalk", "1.0", "evil")
        with pytest.raises(InstallError, match="could not download"):
            self.download(locked, tmp_path / "out")
        assert list((tmp_path / "out").iterdir()) == []
