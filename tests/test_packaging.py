"""Dependencies, the contents of the repository, and the set-up script."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_tree import modules

# Packages for development only; `demo` alone may take its portrait from scikit-image.
NOT_ON_THE_DEVICE = {
    "export_tools",
    "librosa",
    "docx",
    "numba",
    "onnx",
    "scipy",
    "skimage",
    "tests",
    "torch",
}

# Imported names that differ from the name of their distribution.
DISTRIBUTION = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "hibari": "hibari-tts",
    "markdown_it": "markdown-it-py",
    "jtop": "jetson-stats",
    "pydantic_core": "pydantic",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}


class TestDependencies:
    def test_the_appliance_imports_nothing_that_only_developers_have(self, project: Path) -> None:
        wrong = [
            f"{path.relative_to(project)} imports {name}"
            for path, part, names in modules(project, "appliance")
            for name in names
            if name.split(".")[0] in NOT_ON_THE_DEVICE - ({"skimage"} if part == "demo" else set())
        ]
        assert not wrong, "\n".join(wrong)

    def test_the_panel_imports_neither_these_nor_codecs(self, project: Path) -> None:
        wrong = [
            f"{path.relative_to(project)} imports {name}"
            for path, _, names in modules(project, "web")
            for name in names
            if name.split(".")[0] in NOT_ON_THE_DEVICE | {"av", "cv2", "onnxruntime"}
        ]
        assert not wrong, "\n".join(wrong)

    def test_importing_every_module_of_the_appliance_loads_none_of_them(
        self, project: Path
    ) -> None:
        names = [
            ".".join(path.relative_to(project).with_suffix("").parts).removesuffix(".__init__")
            for path, _, _ in modules(project, "appliance")
        ]
        code = f"import sys, {', '.join(names)}\nprint(*{NOT_ON_THE_DEVICE} & set(sys.modules))"
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=project
        )
        assert run.returncode == 0, run.stderr
        assert run.stdout.strip() == ""

    def test_every_package_in_use_is_a_declared_dependency(self, project: Path) -> None:
        declared = {
            _plain(re.split(r"[^\w.-]", line, maxsplit=1)[0])
            for line in importlib.metadata.requires("lectern") or []
            if "extra ==" not in line or re.search(r'extra == "(demo|jtop)"', line)
        }
        missing = [
            f"{path.relative_to(project)} imports {name}"
            for path, _, names in modules(project, "appliance")
            for name in names
            if (top := name.split(".")[0]) not in sys.stdlib_module_names | {"appliance", "web"}
            and _plain(DISTRIBUTION.get(top, top)) not in declared
        ]
        assert not missing, "\n".join(missing)


def _plain(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


class TestRepository:
    def test_no_file_is_larger_than_3_mb(self, tracked: list[Path]) -> None:
        assert [path for path in tracked if path.stat().st_size > 3_000_000] == []

    def test_no_file_contains_a_machine_path_or_a_registry_host(self, tracked: list[Path]) -> None:
        # Written in pieces, so that this file does not contain them.
        traces = ["/" + "work/", "bash" + "_jobs", "." + "pyenv", "/" + "root/"]
        traces += ["index" + "-url", "find" + "-links", "py" + "pi.org", "npm" + "js.org"]
        pattern = re.compile("|".join(map(re.escape, traces)).encode())
        own = {".gitignore"}
        found = [
            f"{path.name}: {match[0].decode()}"
            for path in tracked
            if path.name not in own and (match := pattern.search(path.read_bytes()))
        ]
        assert not found, "\n".join(found)

    def test_no_module_is_longer_than_350_lines(self, tracked: list[Path]) -> None:
        long = {
            path.name: count
            for path in tracked
            if path.suffix == ".py"
            if (count := len(path.read_text(encoding="utf-8").splitlines())) > 350
        }
        assert long == {}


BASH = shutil.which("bash") or "/bin/bash"


class TestSetup:
    def run(self, script: Path, *arguments: str, path: Path | None = None) -> tuple[int, str, str]:
        run = subprocess.run(
            [BASH, str(script), *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": str(path)} if path else None,
            cwd="/",
        )
        return run.returncode, run.stdout, run.stderr

    def test_shellcheck_finds_nothing(self, project: Path) -> None:
        beside = Path(sys.executable).parent / "shellcheck"
        shellcheck = str(beside) if beside.exists() else shutil.which("shellcheck")
        if shellcheck is None:
            pytest.skip("shellcheck is not installed")
        names = ["setup.sh", ".ci/run", "tests/install/run", "tests/install/boot"]
        names += ["tests/install/online", "tests/install/full", "tests/install/roots.sh"]
        names += ["tests/aarch64/run", "tests/aarch64/cpython", "install/locks/update"]
        scripts = [str(project / name) for name in names]
        run = subprocess.run(
            [shellcheck, "-x", *scripts], capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout

    def test_help_lists_every_command(self, project: Path) -> None:
        status, out, err = self.run(project / "setup.sh", "help")
        assert (status, err) == (0, "")
        offered = set(re.findall(r"^  ([a-z]+) ", out, re.MULTILINE))
        script = (project / "setup.sh").read_text()
        assert offered - {"help"} == set(re.findall(r"^        (\w+)\) \w+ \"\$@\"", script, re.M))

    def test_an_unknown_command_is_rejected_with_a_sentence(self, project: Path) -> None:
        status, out, err = self.run(project / "setup.sh", "fly")
        assert (status, out) == (2, "")
        assert err.startswith("setup.sh: unknown command 'fly'.\n")

    def test_without_a_suitable_python_it_names_the_packages_to_install(
        self, project: Path, tmp_path: Path
    ) -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        for name in ("cat", "cut", "dirname", "flock", "id", "sha256sum"):
            (tools / name).symlink_to(str(shutil.which(name)))
        (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
        (tools / "python3").chmod(0o755)
        home = tmp_path / "a folder with spaces"
        home.mkdir()
        shutil.copy(project / "setup.sh", home)
        shutil.copy(project / "pyproject.toml", home)
        status, _, err = self.run(home / "setup.sh", "demo", path=tools)
        assert status == 1
        assert "Lectern needs Python 3.10, 3.11 or 3.12 with venv" in err
        assert "sudo apt-get install python3 python3-venv" in err
        assert not (home / ".venv").exists()
