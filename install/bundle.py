"""``setup.sh bundle``: build one archive for installation on a device without internet access.

Runs in the checkout's virtual environment, which has pip and ``packaging``. The archive contains
the wheels, the face networks, the panel's scripts, the installer and a list of SHA-256 sums, which
the installer checks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from install.errors import InstallError
from install.inventory import wheel_components, write_inventory
from install.lock import BUILD, DEVICE, HASH_OPTIONS, LOCKS, PIP, packages_for, read_lock
from install.runtime import CPU, RuntimeSource, choose_runtime
from install.signature import sign
from install.source import MANIFEST, SIGNATURE, SUMS, Source, sha256
from install.target import TARGETS, Target
from install.wheels import download_locked, download_unlocked

HERE = Path(__file__).resolve().parents[1]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the ``bundle`` command to the installer's command line."""
    parser = commands.add_parser(
        "bundle", help="build an archive for installation without internet access"
    )
    parser.add_argument(
        "--target",
        choices=TARGETS,
        required=True,
        help="device: jp6 or jp7 (JetPack 6 or 7), x86, or arm64",
    )
    parser.add_argument(
        "--python",
        action="append",
        metavar="VERSION",
        help="build only for this Python version; may be repeated (default: all of the target)",
    )
    parser.add_argument(
        "--onnxruntime",
        metavar="SOURCE",
        help="source of ONNX Runtime: a .whl file, its URL, or 'cpu'",
    )
    parser.add_argument(
        "--sign",
        type=lambda name: Path(name).resolve(),
        metavar="KEY",
        help="sign the bundle with this private key of OpenSSH",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=lambda name: Path(name).resolve(),  # pip runs in another working directory
        metavar="FOLDER",
        default=HERE / "build" / "bundle",
        help="folder for the archive (default: build/bundle)",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    target = TARGETS[options.target]
    pythons = tuple(options.python or target.pythons)
    runtime = choose_runtime(target, options.onnxruntime, pythons[0])
    archive = build_bundle(
        Source.open(HERE), target, pythons, runtime, options.output, options.sign
    )
    print(f"{archive}\n{archive}.sha256")
    return 0


def build_bundle(
    source: Source,
    target: Target,
    pythons: tuple[str, ...],
    runtime: RuntimeSource,
    output: Path,
    key: Path | None = None,
) -> Path:
    """Write ``lectern-VERSION-TARGET.tar`` and its ``.sha256`` to ``output``; return the archive.

    With a private key of OpenSSH the list of sums is signed.
    Raises ``InstallError`` if ``source`` is a bundle or a download or build fails.
    """
    if source.is_bundle:
        raise InstallError("This is already a bundle.", "Build bundles in a checkout.")
    name = f"lectern-{source.version}-{target.name}"
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lectern-", dir=output) as temp_folder:
        folder = Path(temp_folder) / name
        source.copy_support(folder)
        _print_progress("building the wheel of Lectern")
        _build_lectern_wheel(source, Path(temp_folder), folder / "wheels")
        download_locked(read_lock(LOCKS / PIP), target, pythons[0], folder / "wheels")
        onnxruntime = CPU
        if runtime.kind != CPU:
            _print_progress(f"downloading ONNX Runtime {runtime.text}")
            onnxruntime = _fetch_gpu_wheel(runtime, folder / "wheels").name
        for python in pythons:
            _print_progress(f"downloading the wheels for Python {python} on {target.machine}")
            _download_wheels(python, target, onnxruntime, folder / "wheels", Path(temp_folder))
        _print_progress("downloading the face networks and the panel's scripts")
        _download_face_networks(folder / "face")
        _run_command([sys.executable, "-m", "web.assets.build"])
        shutil.copytree(HERE / "web" / "static" / "vendor", folder / "vendor")
        manifest = {
            "version": source.version,
            "target": target.name,
            "machine": target.machine,
            "pythons": list(pythons),
            "onnxruntime": onnxruntime,
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        wheels = sorted((folder / "wheels").glob("*.whl"))
        sums = {wheel.name: sha256(wheel) for wheel in wheels}
        write_inventory(wheel_components(wheels, sums), source.version, folder)
        write_sums(folder)
        if key is not None:
            _print_progress("signing the bundle")
            sign(folder, key)
        return _write_archive(folder, output / f"{name}.tar")


def _build_lectern_wheel(source: Source, scratch: Path, wheels: Path) -> None:
    copy = scratch / "source"
    source.copy_for_build(copy)
    build = scratch / "build"
    _pip("install", "--target", str(build), *HASH_OPTIONS, "-r", str(LOCKS / BUILD))
    # A fixed date makes the build reproducible.
    _pip(
        "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(copy),
        PYTHONPATH=str(build), SOURCE_DATE_EPOCH="315532800",
    )  # fmt: skip


def _fetch_gpu_wheel(runtime: RuntimeSource, wheels: Path) -> Path:
    if runtime.kind == "wheel" and "://" not in runtime.location:
        return Path(shutil.copy2(runtime.location, wheels))
    if runtime.kind == "wheel":
        _pip("download", "--no-deps", "--dest", str(wheels), runtime.location)
        return wheels / runtime.location.rpartition("/")[2]
    raise InstallError(
        "A bundle needs the wheel of ONNX Runtime.", "Specify its file or its full URL."
    )


def _download_wheels(
    python: str, target: Target, onnxruntime: str, wheels: Path, scratch: Path
) -> None:
    folder = scratch / python
    folder.mkdir()
    locked = packages_for(read_lock(LOCKS / DEVICE), target, python)
    if onnxruntime == CPU:
        download_locked(locked, target, python, folder)
    else:
        others = [package for package in locked if package.name != "onnxruntime"]
        download_locked(others, target, python, folder)
        gpu_wheel = shutil.copy2(wheels / onnxruntime, folder)
        skipped = frozenset({"onnxruntime", "onnxruntime-gpu"})
        download_unlocked(target, python, folder, skipped)
        Path(gpu_wheel).unlink()
    for wheel in folder.glob("*.whl"):
        wheel.replace(wheels / wheel.name)


def _download_face_networks(folder: Path) -> None:
    code = "import pathlib, sys; from appliance.face.weights import download; "
    code += "download(pathlib.Path(sys.argv[1]))"
    _run_command([sys.executable, "-c", code, str(folder)])


def write_sums(folder: Path) -> None:
    """Write the list of SHA-256 sums of all files in ``folder``."""
    own = {folder / SUMS, folder / SIGNATURE}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path not in own)
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def _write_archive(folder: Path, archive: Path) -> Path:
    def normalize_member(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mtime = 315532800
        return member

    # In the temporary folder, which is always removed.
    temp_archive = folder.with_name(archive.name)
    with tarfile.open(temp_archive, "w") as tar:  # uncompressed: wheels are already compressed
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                tar.add(path, f"{folder.name}/{path.relative_to(folder)}", filter=normalize_member)
    temp_archive.replace(archive)
    sums = archive.with_name(f"{archive.name}.sha256")
    sums.write_text(f"{sha256(archive)}  {archive.name}\n", encoding="utf-8")
    return archive


def _pip(*words: str, **extra: str) -> None:
    environment = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", **extra}
    _run_command([sys.executable, "-m", "pip", "--quiet", *words], **environment)


def _run_command(command: list[str], **extra: str) -> None:
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=HERE, env={**os.environ, **extra}
    )
    if result.returncode != 0:
        stderr_lines = result.stderr.strip().splitlines() or ["no error message"]
        raise InstallError(
            f"The bundle could not be built: {stderr_lines[-1]}", "Fix this problem and try again."
        )


def _print_progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
