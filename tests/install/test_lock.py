"""The lock files: complete, exact, for every target, and in agreement with pyproject.toml."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from install.errors import InstallError
from install.lock import (
    DEVICE,
    LOCKS,
    LockedPackage,
    marker_environment,
    normalize_name,
    packages_for,
    read_lock,
    write_requirements,
)
from install.target import TARGETS, Target

EVERY_TARGET = [(TARGETS[name], python) for name in TARGETS for python in TARGETS[name].pythons]
EXTRAS = {"device.txt": "", "demo.txt": "demo", "test.txt": "test"}


def declared(extra: str, target: Target, python: str) -> list[Requirement]:
    """Return the requirements of pyproject.toml, with those of the extras that ``extra`` names."""
    lines = project_requirements()
    found: list[Requirement] = []
    extras = [extra]
    for name in extras:
        for requirement in lines.get(name, []):
            if requirement.name == "lectern":
                extras += sorted(requirement.extras)
            elif requirement.marker is None or requirement.marker.evaluate(
                marker_environment(target, python)
            ):
                found.append(requirement)
    return found + (declared("", target, python) if extra else [])


def project_requirements() -> dict[str, list[Requirement]]:
    # Not from the installed metadata, which may be older than pyproject.toml. The standard library
    # of Python 3.10 cannot read TOML.
    text = (LOCKS.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    section = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    arrays = re.findall(r"^([\w-]+) = \[(.*?)\]$", section, re.MULTILINE | re.DOTALL)
    return {
        "" if name == "dependencies" else name: [
            Requirement(line) for line in re.findall(r'"([^"\n]+)"', body)
        ]
        for name, body in arrays
    }


@pytest.mark.parametrize("name", EXTRAS)
def test_lock_has_everything_that_pyproject_declares(name: str) -> None:
    packages = read_lock(LOCKS / name)
    for target, python in EVERY_TARGET:
        locked = {package.name: package for package in packages_for(packages, target, python)}
        needs = declared(EXTRAS[name], target, python)
        assert len(needs) > 15
        wrong = [
            str(need)
            for need in needs
            if (found := locked.get(normalize_name(need.name))) is None
            or not need.specifier.contains(found.version)
        ]
        assert not wrong, f"run install/locks/update ({target.name}, {python}): {wrong}"


@pytest.mark.parametrize("name", sorted(path.name for path in LOCKS.glob("*.txt")))
def test_each_package_has_one_version_for_a_target_and_hashes(name: str) -> None:
    packages = read_lock(LOCKS / name)
    assert all(
        re.fullmatch(r"sha256:[0-9a-f]{64}", value)
        for package in packages
        for value in package.hashes
    )
    for target, python in EVERY_TARGET:
        names = [package.name for package in packages_for(packages, target, python)]
        assert names and len(names) == len(set(names))


def test_all_locks_have_the_versions_of_the_tests() -> None:
    tested = {(p.name, p.version) for p in read_lock(LOCKS / "test.txt")}
    for name in ("demo.txt", DEVICE):
        assert {(p.name, p.version) for p in read_lock(LOCKS / name)} <= tested


def test_oldest_libraries_of_the_tests_are_those_of_python_3_10(project: Path) -> None:
    locked = {
        package.name: package.version
        for package in packages_for(read_lock(LOCKS / DEVICE), TARGETS["jp6"], "3.10")
    }
    lines = (project / "tests/oldest.txt").read_text().splitlines()
    oldest = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {name: locked[name] for name in oldest} == oldest


def test_locked_versions_accept_the_python_of_this_environment() -> None:
    """uv ignores upper bounds of packages for Python, pip does not."""
    python = default_environment()["python_full_version"]
    minor = ".".join(python.split(".")[:2])
    for package in packages_for(read_lock(LOCKS / DEVICE), TARGETS["x86"], minor):
        found = importlib.metadata.distribution(package.name)
        if found.version == package.version:
            needs = SpecifierSet(found.metadata["Requires-Python"] or "")
            assert needs.contains(python), package


class TestReading:
    def test_a_package_is_written_as_it_was_read(self, tmp_path: Path) -> None:
        package = LockedPackage("a-b", "1.0", "python_version < '3.11'", ("sha256:1", "sha256:2"))
        assert read_lock(write_requirements([package], tmp_path / "lock")) == [package]
        path = write_requirements([package], tmp_path / "lock", with_markers=False)
        assert read_lock(path) == [package._replace(marker="")]

    @pytest.mark.parametrize("line", ["numpy>=2 --hash=sha256:1", "numpy==2", "-r other.txt"])
    def test_what_is_not_pinned_is_rejected(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "lock").write_text(f"# comment\n{line}\n")
        with pytest.raises(InstallError, match="not pinned"):
            read_lock(tmp_path / "lock")
