"""Builds a version's folder: its virtual environment, the networks, and what goes beside them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from install.errors import InstallError, without_credentials
from install.room import free_mb
from install.runtime import CPU, Runtime
from install.source import Source, copy_tree
from install.step import Step, make_parents, remove_empty
from install.system import System

BESIDE_WHEELS = {"face": "share/lectern", "vendor": "lib/python3*/site-packages/web/static"}
"""A bundle's further folders, and where in the virtual environment each belongs: the face networks
and the panel's scripts."""
UNFINISHED = ".unfinished"
RECORD = "installed.json"
NEEDED_MB = 1500
"""A version takes 600 MB, one with a GPU's ONNX Runtime more, and pip unpacks beside it."""

# pip leaves no cache behind and asks nobody's private settings on an offline install.
_QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1", "PIP_NO_INPUT": "1"}
_ROOT_IS_MEANT = {"PIP_ROOT_USER_ACTION": "ignore"}

# A GPU's build goes by another name than the one that Lectern and the packages that it needs ask
# for, and both fill the same folder: the CPU's must not come in and overwrite it. So this tells pip
# that the build that is there, with what it needs, is what they ask for.
_STAND_IN = """
import importlib.metadata as metadata, pathlib
try:
    metadata.distribution("onnxruntime")
except metadata.PackageNotFoundError:
    build = metadata.distribution("onnxruntime-gpu")
    folder = pathlib.Path(build.locate_file("")) / f"onnxruntime-{build.version}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", "Name: onnxruntime", f"Version: {build.version}"]
    lines += [f"Requires-Dist: {need}" for need in build.requires or []]
    texts = {"METADATA": "\\n".join(lines) + "\\n", "INSTALLER": "lectern\\n"}
    texts["RECORD"] = "".join(f"{folder.name}/{name},,\\n" for name in [*texts, "RECORD"])
    for name, text in texts.items():
        (folder / name).write_text(text)
"""


class BuildProgram(Step):
    """A whole version in ``folder``, which must not move afterwards; undone by deleting it."""

    def __init__(
        self, system: System, source: Source, folder: Path, python: str, runtime: Runtime
    ) -> None:
        origin = "the bundle" if source.is_bundle else "the checkout and the package index"
        super().__init__(
            f"build {folder} from {origin}: {python}, ONNX Runtime {runtime.text}, "
            "Lectern's packages, the face networks"
        )
        self._system, self._source, self._folder = system, source, folder
        self._python, self._runtime = python, runtime
        self._venv_python = folder / "venv" / "bin" / "python"
        self._made: list[Path] = []

    def do(self) -> None:
        self._check_room()
        # What an interrupted build has left is of unknown worth.
        shutil.rmtree(self._folder, ignore_errors=True)
        self._made = make_parents(self._folder)
        self._folder.mkdir(mode=0o755)
        (self._folder / UNFINISHED).touch()
        self._source.copy_support(self._folder)
        venv = ("-m", "venv", self._folder / "venv")
        if self._source.is_bundle:
            self._system.run(self._python, *venv, "--without-pip")
            self._install_from_bundle()
        else:
            self._system.run(self._python, *venv)
            self._install_from_checkout()
        # Or a power cut soon afterwards could leave a version that counts as whole and is not.
        self._system.run("sync", "--file-system", self._folder)
        self._write_record()
        (self._folder / UNFINISHED).unlink()

    def _check_room(self) -> None:
        free = free_mb(self._folder)
        if free < NEEDED_MB:
            raise InstallError(
                f"The disk of {self._folder.parent} is too full: {free} MB are free, and a version "
                f"needs {NEEDED_MB} MB.",
                "Make room and run the same command again.",
            )

    def undo(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        remove_empty(self._made)

    def _install_from_bundle(self) -> None:
        wheels = self._source.folder / "wheels"
        # A wheel of pip can be run as it is, so that the box needs no pip of its own.
        pip = self._source.wheel("pip") / "pip"
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_CONFIG_FILE": "/dev/null",
        }
        self._install(pip, str(self._source.wheel("lectern")), offline)
        for name, place in BESIDE_WHEELS.items():
            (parent,) = [*(self._folder / "venv").glob(place)] or [self._folder / "venv" / place]
            target = parent / name
            copy_tree(self._source.folder / name, target)
        self._system.run(self._venv_python, "-m", "appliance.face.weights", extra=offline)

    def _install_from_checkout(self) -> None:
        with tempfile.TemporaryDirectory(prefix="lectern-") as scratch:
            copy = Path(scratch) / "lectern"
            self._source.copy_for_build(copy)
            self._install("pip", str(copy), {})
            kept = {**_QUIET, "npm_config_cache": str(Path(scratch) / "npm")}
            for module in ("appliance.face.weights", "web.assets.build"):
                self._system.run(self._venv_python, "-m", module, extra=kept)

    def _install(self, pip: str | Path, lectern: str, extra: Mapping[str, str]) -> None:
        def install(*words: str, more: Mapping[str, str] = extra) -> None:
            module = ("-m", pip) if pip == "pip" else (pip,)
            environment = {**_QUIET, **_ROOT_IS_MEANT, **more}
            self._system.run(self._venv_python, *module, "install", *words, extra=environment)

        if self._runtime.kind != CPU:
            if self._runtime.kind == "index":  # which counts for a bundle's install, too
                place = {"PIP_INDEX_URL": self._runtime.place}
                install("--no-deps", "onnxruntime-gpu", more=place)
            else:
                install("--no-deps", self._runtime.place)
            self._system.run(self._venv_python, "-c", _STAND_IN)
        install(lectern)

    def _write_record(self) -> None:
        record = {
            "version": self._source.version,
            "python": self._python,
            "onnxruntime": {
                "kind": self._runtime.kind,
                "place": without_credentials(self._runtime.place),  # everybody may read this file
            },
        }
        text = json.dumps(record, indent=2) + "\n"
        (self._folder / RECORD).write_text(text, encoding="utf-8")


class SelfCheck(Step):
    """The new version proves on this box, as its own user, that it can work."""

    def __init__(self, system: System, folder: Path, user: str, config: str) -> None:
        super().__init__(f"check that {folder.name} works on this box")
        self._system, self._folder, self._user, self._config = system, folder, user, config

    def do(self) -> None:
        python, script = self._folder / "venv/bin/python", self._folder / "install/selfcheck.py"
        try:
            self._system.run(
                "setpriv", f"--reuid={self._user}", f"--regid={self._user}", "--init-groups",
                python, "-I", script, "--config", self._config,
            )  # fmt: skip
        except InstallError as error:
            raise InstallError(
                f"{self._folder.name} does not work on this box: {error.text}", error.cure
            ) from error


def is_whole(folder: Path) -> bool:
    """Whether a version was built to its end."""
    return (folder / RECORD).is_file() and not (folder / UNFINISHED).exists()


def recorded_runtime(folder: Path) -> str | None:
    """What the owner named when the version in ``folder`` was installed, for the next one."""
    try:
        record = json.loads((folder / RECORD).read_bytes())["onnxruntime"]
    except (OSError, ValueError, KeyError):
        return None
    return str(record["place"]) or str(record["kind"])
