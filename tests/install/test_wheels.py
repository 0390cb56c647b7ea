"""Downloading wheels for another machine: markers are evaluated for the target."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from install import wheels
from install.errors import InstallError
from install.target import TARGETS, Target
from install.wheels import collect_wheels, missing_wheels, requirements_of

JP6 = TARGETS["jp6"]
NONE = frozenset[str]()


def make_wheel(folder: Path, name: str, version: str, *requires: str) -> Path:
    """Write a minimal wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n\n")
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

    def download(self, requirements: list[str], target: Target, python: str, folder: Path) -> None:
        self.requested.append(requirements)
        for name in requirements:
            make_wheel(folder, name, "1.0", *filter(None, [self.dependencies[name]]))


def test_requirement_of_the_target_alone_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = FakeIndex(flask='tomli; python_version < "3.11"', tomli="")
    monkeypatch.setattr(wheels, "run_pip_download", index.download)
    collect_wheels(["flask"], JP6, "3.10", tmp_path, NONE)
    assert index.requested == [["flask"], ["tomli"]]


def test_cpu_runtime_is_removed_if_another_one_is_supplied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = FakeIndex(hibari="onnxruntime", onnxruntime="")
    monkeypatch.setattr(wheels, "run_pip_download", index.download)
    collect_wheels(["hibari", "onnxruntime"], JP6, "3.10", tmp_path, frozenset({"onnxruntime"}))
    assert [path.name for path in tmp_path.iterdir()] == ["hibari-1.0-py3-none-any.whl"]


def test_unsatisfiable_requirement_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = FakeIndex(flask="flask>=2")
    monkeypatch.setattr(
        wheels, "run_pip_download", lambda requirements, *rest: index.download(["flask"], *rest)
    )
    with pytest.raises(InstallError, match="cannot be met: flask>=2"):
        collect_wheels(["flask"], JP6, "3.10", tmp_path, NONE)
