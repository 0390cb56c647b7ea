"""Build and check the folder of a version: its virtual environment, networks and other files."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from install.disk_space import free_mb
from install.errors import InstallError, without_credentials
from install.inventory import installed_components, write_inventory
from install.lock import BUILD, DEVICE, HASH_OPTIONS, read_lock, write_requirements
from install.runtime import CPU, RuntimeSource
from install.source import Source, copy_tree
from install.step import Step, make_parents, remove_empty
from install.system import System

EXTRA_FOLDERS = {"face": "share/lectern", "vendor": "lib/python3*/site-packages/web/static"}
"""The other folders of a bundle (face networks, panel scripts) and the folder of the virtual
environment, as a glob pattern, into which each is copied."""
LOCKS = "install/locks"
"""The folder of the lock files in a source."""
INCOMPLETE = ".incomplete"
RECORD = "installed.json"
REQUIRED_MB = 1500
"""Free disk space required. A version takes 600 MB, more with ONNX Runtime for a GPU, and pip needs
temporary space."""

# pip must neither leave a cache behind nor prompt.
_PIP_ENVIRONMENT = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_NO_INPUT": "1",
}
_PIP_ALLOW_ROOT = {"PIP_ROOT_USER_ACTION": "ignore"}

# The GPU build is the distribution onnxruntime-gpu, but Lectern and its dependencies require
# onnxruntime. Both install into the same folder, so pip must not install the CPU build over the GPU
# build. This script registers the installed GPU build under the name onnxruntime.
_REGISTER_GPU_BUILD = """
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


class BuildVersion(Step):
    """Build a complete version in ``folder``, which must not be moved afterwards.

    Undone by deleting the folder.
    """

    def __init__(
        self, system: System, source: Source, folder: Path, python: str, runtime: RuntimeSource
    ) -> None:
        origin = "the bundle" if source.is_bundle else "the checkout and the package index"
        super().__init__(
            f"build {folder} from {origin}: {python}, ONNX Runtime {runtime.text}, "
            "Lectern's packages, the face networks"
        )
        self._system, self._source, self._folder = system, source, folder
        self._python, self._runtime = python, runtime
        self._venv_python = folder / "venv" / "bin" / "python"
        self._created_folders: list[Path] = []

    def do(self) -> None:
        self._check_disk_space()
        # An interrupted build may have left incomplete files.
        shutil.rmtree(self._folder, ignore_errors=True)
        self._created_folders = make_parents(self._folder)
        self._folder.mkdir(mode=0o755)
        (self._folder / INCOMPLETE).touch()
        self._source.copy_support(self._folder)
        venv = ("-m", "venv", self._folder / "venv")
        if self._source.is_bundle:
            self._system.run(self._python, *venv, "--without-pip")
            self._install_from_bundle()
        else:
            self._system.run(self._python, *venv)
            self._install_from_checkout()
        for packages in (self._folder / "venv").glob("lib/python3*/site-packages"):
            write_inventory(installed_components(packages), self._source.version, self._folder)
        # Without this, a power failure could leave an incomplete version that counts as complete.
        self._system.run("sync", "--file-system", self._folder)
        self._write_record()
        (self._folder / INCOMPLETE).unlink()

    def _check_disk_space(self) -> None:
        free = free_mb(self._folder)
        if free < REQUIRED_MB:
            raise InstallError(
                f"The disk of {self._folder.parent} is too full: {free} MB are free, but "
                f"{REQUIRED_MB} MB are needed.",
                "Free some disk space and run the same command again.",
            )

    def undo(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        remove_empty(self._created_folders)

    def _install_from_bundle(self) -> None:
        wheels = self._source.folder / "wheels"
        # pip can be run directly from its wheel, so that the device needs no installed pip.
        pip = self._source.wheel("pip") / "pip"
        offline = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "PIP_CONFIG_FILE": "/dev/null",
        }
        self._install(pip, str(self._source.wheel("lectern")), offline)
        venv = self._folder / "venv"
        for name, pattern in EXTRA_FOLDERS.items():
            (parent,) = [*venv.glob(pattern)] or [venv / pattern]
            copy_tree(self._source.folder / name, parent / name)
        self._system.run(self._venv_python, "-m", "appliance.face.weights", extra=offline)

    def _install_from_checkout(self) -> None:
        with tempfile.TemporaryDirectory(prefix="lectern-") as scratch:
            copy = Path(scratch) / "lectern"
            self._source.copy_for_build(copy)
            # pip would download setuptools without a hash; this copy does not remain on the device.
            build = Path(scratch) / "build"
            lock = self._source.folder / LOCKS / BUILD
            self._run_pip("pip", "install", "--target", build, *HASH_OPTIONS, "-r", lock)
            self._install("pip", str(copy), {"PYTHONPATH": str(build)})
            environment = {**_PIP_ENVIRONMENT, "npm_config_cache": str(Path(scratch) / "npm")}
            for module in ("appliance.face.weights", "web.assets.build"):
                self._system.run(self._venv_python, "-m", module, extra=environment)

    def _install(self, pip: str | Path, lectern: str, extra: Mapping[str, str]) -> None:
        lock = self._source.folder / LOCKS / DEVICE
        if self._runtime.kind == CPU:
            self._run_pip(pip, "install", *HASH_OPTIONS, "-r", lock, variables=extra)
            self._run_pip(
                pip, "install", "--no-deps", "--no-build-isolation", lectern, variables=extra
            )
            return
        if self._runtime.kind == "index":  # used even when installing from a bundle
            index = {"PIP_INDEX_URL": self._runtime.location}
            self._run_pip(pip, "install", "--no-deps", "onnxruntime-gpu", variables=index)
        else:
            self._run_pip(pip, "install", "--no-deps", self._runtime.location, variables=extra)
        self._system.run(self._venv_python, "-c", _REGISTER_GPU_BUILD)
        packages = [package for package in read_lock(lock) if package.name != "onnxruntime"]
        with tempfile.TemporaryDirectory(prefix="lectern-") as scratch:
            others = write_requirements(packages, Path(scratch) / DEVICE)
            self._run_pip(pip, "install", *HASH_OPTIONS, "-r", others, variables=extra)
        # With dependencies: the GPU build may require packages that the lock file does not name.
        self._run_pip(pip, "install", "--no-build-isolation", lectern, variables=extra)

    def _run_pip(
        self, pip: str | Path, *words: str | Path, variables: Mapping[str, str] | None = None
    ) -> None:
        module = ("-m", pip) if pip == "pip" else (pip,)
        environment = {**_PIP_ENVIRONMENT, **_PIP_ALLOW_ROOT, **(variables or {})}
        self._system.run(self._venv_python, *module, *words, extra=environment)

    def _write_record(self) -> None:
        record = {
            "version": self._source.version,
            "python": self._python,
            "onnxruntime": {
                "kind": self._runtime.kind,
                "place": without_credentials(self._runtime.location),  # world-readable
            },
        }
        text = json.dumps(record, indent=2) + "\n"
        (self._folder / RECORD).write_text(text, encoding="utf-8")


class SelfCheck(Step):
    """Run the self-check of a version on this device as the services' user."""

    def __init__(self, system: System, folder: Path, user: str, config: str) -> None:
        super().__init__(f"check that {folder.name} works on this device")
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
                f"{self._folder.name} does not work on this device: {error.text}", error.cure
            ) from error


def is_complete(folder: Path) -> bool:
    """Return whether the version in ``folder`` was built completely."""
    return (folder / RECORD).is_file() and not (folder / INCOMPLETE).exists()


def recorded_runtime(folder: Path) -> str | None:
    """Return the source of ONNX Runtime of the version in ``folder``, ``None`` if unknown."""
    try:
        record = json.loads((folder / RECORD).read_bytes())["onnxruntime"]
    except (OSError, ValueError, KeyError):
        return None
    return str(record["place"]) or str(record["kind"])
