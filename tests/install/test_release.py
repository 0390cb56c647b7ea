"""Building a version: what pip installs, and from where."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from install import plan
from install.bundle import write_sums
from install.runtime import RuntimeSource
from install.source import Source
from install.step import run_steps
from install.system import System
from tests.install.conftest import OPTIONS, Machine, make_bundle, make_checkout


def test_named_index_is_used_with_a_bundle(machine: Machine, tmp_path: Path) -> None:
    make_checkout(tmp_path / "bundle")
    with (tmp_path / "bundle/install/locks/device.txt").open("a") as lock:
        lock.write(f"numpy==2.2.6 --hash=sha256:{'1' * 64}\n")
    make_bundle(tmp_path / "bundle")
    for name in ("face", "vendor", "wheels"):
        (tmp_path / "bundle" / name).mkdir()
    for name in ("pip-1-py3-none-any.whl", "lectern-1.0.0-py3-none-any.whl"):
        (tmp_path / "bundle/wheels" / name).touch()
    write_sums(tmp_path / "bundle")
    environments: dict[str, Mapping[str, str]] = {}
    locked: list[str] = []

    def run(command: Sequence[str], environment: Mapping[str, str]) -> str:
        if "install" in command:
            environments[Path(command[-1]).name.partition("-1")[0]] = environment
        if "--require-hashes" in command:
            locked.extend(Path(command[-1]).read_text().splitlines())
        return machine.run(command, environment)

    system = System(machine.root, run, {})
    options = dataclasses.replace(
        OPTIONS, runtime=RuntimeSource("index", "https://index.example/jp6")
    )
    source = Source.open(tmp_path / "bundle")
    run_steps(plan.plan_install(system, source, options), lambda text: None)
    assert environments["onnxruntime-gpu"]["PIP_INDEX_URL"] == "https://index.example/jp6"
    assert "PIP_NO_INDEX" not in environments["onnxruntime-gpu"]
    assert environments["lectern"]["PIP_NO_INDEX"] == "1"
    # The CPU build would replace the files of the GPU build.
    assert [line.partition("==")[0] for line in locked] == ["numpy"]


def test_packages_are_installed_from_the_lock_files_only(machine: Machine, tmp_path: Path) -> None:
    source = make_checkout(tmp_path / "checkout")
    run_steps(plan.plan_install(machine.system, source, OPTIONS), lambda text: None)
    pip = [words for words in machine.commands if words[1:3] == ["-m", "pip"]]
    locked, others = pip[:-1], pip[-1]
    assert [Path(words[-1]).name for words in locked] == ["build.txt", "device.txt"]
    assert all("--require-hashes" in words for words in locked)
    assert {"--no-deps", "--no-build-isolation"} <= set(others)
