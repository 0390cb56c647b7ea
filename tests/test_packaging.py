"""The house rules: who may import whom, what may be in the repository, and the set-up script."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BASE = {"config", "config_file", "errors", "messages", "version"}
PARTS = {"face", "lips", "media", "score", "speech"}
# What each part of appliance/ may import from the rest of it; nothing imports upward.
MAY_IMPORT = {
    "messages": set[str](),
    "version": set[str](),
    "errors": {"messages"},
    "config_file": {"errors"},
    "config": {"config_file", "errors"},
    "media": BASE | {"telemetry"},
    "speech": BASE | {"media"},
    "face": BASE | {"media"},
    "lips": BASE | {"media", "face", "patience", "speech", "telemetry"},
    "score": BASE | {"media", "face", "lips", "speech"},
    "jobs": BASE,
    "telemetry": BASE,
    "cgroup": set[str](),
    "render": BASE | PARTS | {"cgroup", "heap"},
    "progress": BASE | {"render"},
    "attempt": BASE | {"heap", "jobs", "media", "render", "score"},
    "logs": BASE,
    "errands": BASE | PARTS | {"attempt", "doctor", "governor", "jobs", "render", "rendering"},
    "governor": BASE | {"jobs", "media", "telemetry"},
    "rendering": BASE | {"attempt", "inbox", "jobs", "media", "outbox"},
    "outbox": BASE | {"jobs", "media"},
    "inbox": BASE | {"jobs", "media", "outbox", "speech"},
    "worker": BASE | {"attempt", "governor", "inbox", "jobs", "logs", "outbox", "rendering"},
    "notify": set[str](),
    "serve": BASE | {"errands", "governor", "inbox", "jobs", "notify", "telemetry", "worker"},
    "doctor": BASE | PARTS | {"jobs", "render", "telemetry"},
    "commands": BASE
    | PARTS
    | {"bench", "doctor", "heap", "interrupt", "jobs", "logs", "privilege", "progress"}
    | {"render", "serve"},
    "heap": set[str](),
    "interrupt": set[str](),
    "patience": set[str](),
    "threads": set[str](),
    "cli": BASE | {"commands", "heap", "interrupt", "patience", "privilege", "threads"},
    "bench": BASE | {"demo", "media"},
    "helper": BASE | {"inbox", "privilege"},
    "privilege": BASE,
    "demo": set[str](),
}
# What the panel may import from appliance/: it reads and asks, and never touches the pipeline.
WEB_MAY_IMPORT = BASE | {"jobs", "logs", "telemetry"}
WEB_MAY_IMPORT_MODULES = {"appliance.inbox.names"}  # pure helpers
# Heavy or development-only packages; `demo` alone may fetch its portrait from scikit-image.
NOT_ON_THE_BOX = {"export_tools", "librosa", "numba", "onnx", "scipy", "skimage", "tests", "torch"}

# Imports whose distribution goes by another name.
DISTRIBUTION = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "docx": "python-docx",
    "hibari": "hibari-tts",
    "markdown_it": "markdown-it-py",
    "jtop": "jetson-stats",
    "pydantic_core": "pydantic",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
}


def imports(path: Path, package: str) -> Iterator[str]:
    """The dotted names that a module imports, early or late; ``package`` holds the module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level]
            start = ".".join(above) + "." if node.level else ""
            source = (start + (node.module or "")).rstrip(".")
            yield from (f"{source}.{alias.name}" for alias in node.names)


def modules(project: Path, top: str) -> Iterator[tuple[Path, str, list[str]]]:
    """Each module of ``top``: its file, the part of the house it belongs to, what it imports."""
    for path in sorted((project / top).rglob("*.py")):
        parts = path.relative_to(project).with_suffix("").parts
        yield path, parts[1], list(imports(path, ".".join(parts[:-1])))


class TestLayers:
    def test_nothing_in_the_house_imports_upward(self, project: Path) -> None:
        wrong = []
        for path, part, names in modules(project, "appliance"):
            for name in names:
                top, _, rest = name.partition(".")
                target = rest.partition(".")[0]
                if top == "appliance" and target not in MAY_IMPORT[part] | {part}:
                    wrong.append(f"{path.relative_to(project)} imports {name}")
        assert not wrong, "\n".join(wrong)

    def test_the_panel_imports_nothing_of_the_pipeline(self, project: Path) -> None:
        wrong = []
        for path, _, names in modules(project, "web"):
            for name in names:
                top, _, rest = name.partition(".")
                if top == "appliance" and rest.partition(".")[0] not in WEB_MAY_IMPORT:
                    pure = any(name.startswith(f"{module}.") for module in WEB_MAY_IMPORT_MODULES)
                    if not pure:
                        wrong.append(f"{path.relative_to(project)} imports {name}")
                if top in NOT_ON_THE_BOX | {"av", "cv2", "onnxruntime"}:
                    wrong.append(f"{path.relative_to(project)} imports {name}")
        assert not wrong, "\n".join(wrong)

    def test_the_box_imports_nothing_that_only_developers_have(self, project: Path) -> None:
        wrong = [
            f"{path.relative_to(project)} imports {name}"
            for path, part, names in modules(project, "appliance")
            for name in names
            if name.split(".")[0] in NOT_ON_THE_BOX - ({"skimage"} if part == "demo" else set())
        ]
        assert not wrong, "\n".join(wrong)

    def test_importing_the_whole_box_loads_none_of_it_either(self, project: Path) -> None:
        names = [
            ".".join(path.relative_to(project).with_suffix("").parts).removesuffix(".__init__")
            for path, _, _ in modules(project, "appliance")
        ]
        code = f"import sys, {', '.join(names)}\nprint(*{NOT_ON_THE_BOX} & set(sys.modules))"
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


@pytest.fixture(scope="session")
def tracked(project: Path) -> list[Path]:
    run = subprocess.run(
        ["git", "ls-files", "-z"], cwd=project, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        pytest.skip("not a git checkout")
    return [project / name for name in run.stdout.split("\0") if (project / name).is_file()]


class TestRepository:
    def test_no_file_is_larger_than_3_mb(self, tracked: list[Path]) -> None:
        assert [path for path in tracked if path.stat().st_size > 3_000_000] == []

    def test_no_file_names_a_developers_machine_or_a_registry(self, tracked: list[Path]) -> None:
        # Spelt in pieces, so that this file does not name them.
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

    def test_shellcheck_has_nothing_to_say(self, project: Path) -> None:
        beside = Path(sys.executable).parent / "shellcheck"
        shellcheck = str(beside) if beside.exists() else shutil.which("shellcheck")
        if shellcheck is None:
            pytest.skip("shellcheck is not installed")
        names = ["setup.sh", ".ci/run", "tests/install/run", "tests/install/boot"]
        names += ["tests/install/online", "tests/install/full", "tests/install/roots.sh"]
        names += ["tests/aarch64/run", "tests/aarch64/cpython"]
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

    def test_an_unknown_command_is_refused_in_a_sentence(self, project: Path) -> None:
        status, out, err = self.run(project / "setup.sh", "fly")
        assert (status, out) == (2, "")
        assert err.startswith("setup.sh: unknown command 'fly'.\n")

    def test_without_a_fitting_python_it_says_what_to_install(
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
