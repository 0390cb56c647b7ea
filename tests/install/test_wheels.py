"""Gathering for another machine: conditions are read for the target, not for this one."""

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
    """The least that counts as a wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", "\n".join(lines) + "\n\n")
    return path


def test_needs_are_those_of_the_target(tmp_path: Path) -> None:
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


def test_lacking_is_what_no_wheel_meets(tmp_path: Path) -> None:
    make_wheel(tmp_path, "flask", "3.1", "Jinja2>=3", "werkzeug>=3.1", "blinker")
    make_wheel(tmp_path, "jinja2", "3.0")
    make_wheel(tmp_path, "Werkzeug", "3.0")
    assert list(missing_wheels(tmp_path, JP6, "3.10", NONE)) == ["werkzeug>=3.1", "blinker"]
    assert list(missing_wheels(tmp_path, JP6, "3.10", frozenset({"blinker"}))) == ["werkzeug>=3.1"]


class Index:
    """In pip's place: brings the wheel that is asked for, and what a host of another Python finds
    that it needs, which is nothing."""

    def __init__(self, **needs: str) -> None:
        self.needs = needs
        self.asked: list[list[str]] = []

    def download(self, wanted: list[str], target: Target, python: str, folder: Path) -> None:
        self.asked.append(wanted)
        for name in wanted:
            make_wheel(folder, name, "1.0", *filter(None, [self.needs[name]]))


def test_what_the_host_does_not_need_and_the_target_does_is_fetched_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(flask='tomli; python_version < "3.11"', tomli="")
    monkeypatch.setattr(wheels, "run_pip_download", index.download)
    collect_wheels(["flask"], JP6, "3.10", tmp_path, NONE)
    assert index.asked == [["flask"], ["tomli"]]


def test_the_cpus_runtime_does_not_come_beside_the_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(hibari="onnxruntime", onnxruntime="")
    monkeypatch.setattr(wheels, "run_pip_download", index.download)
    collect_wheels(["hibari", "onnxruntime"], JP6, "3.10", tmp_path, frozenset({"onnxruntime"}))
    assert [path.name for path in tmp_path.iterdir()] == ["hibari-1.0-py3-none-any.whl"]


def test_needs_that_cannot_be_met_end_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(flask="flask>=2")
    monkeypatch.setattr(
        wheels, "run_pip_download", lambda wanted, *rest: index.download(["flask"], *rest)
    )
    with pytest.raises(InstallError, match="cannot be met: flask>=2"):
        collect_wheels(["flask"], JP6, "3.10", tmp_path, NONE)
