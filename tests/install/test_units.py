"""The files of systemd/, checked by the programs that read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from install.paths import SERVICES, SYSTEM_FILES

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
INSTANCES = ("lectern-helper@1.service", "lectern-usb@sda1.service")


@pytest.fixture
def root(project: Path, tmp_path: Path) -> Path:
    """Return a root folder with Lectern's units, those of the system, and dummy programs."""
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for path in (project / "systemd").glob("lectern*.s*"):
        shutil.copy(path, units)
    own = next(p for p in ("/usr/lib/systemd/system", "/lib/systemd/system") if Path(p).is_dir())
    shutil.copytree(own, tmp_path / "usr/lib/systemd/system", symlinks=True)
    programs = tmp_path / "opt/lectern/current/venv/bin"
    programs.mkdir(parents=True)
    for name in ("lectern", "python"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    return tmp_path


def analyze(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ANALYZE), f"--root={root}", *words], capture_output=True, text=True, check=False
    )


@needs_systemd
def test_systemd_reports_no_problem_in_the_units(root: Path) -> None:
    run = analyze(root, "verify", *SERVICES, "lectern-helper.socket", *INSTANCES)
    # Its exit status is 0 if it only ignores a key; it then writes a line to stderr.
    lectern_lines = [line for line in run.stderr.splitlines() if "lectern" in line]
    assert (run.returncode, lectern_lines) == (0, [])


@needs_systemd
def test_systemd_would_report_a_misspelled_key(root: Path) -> None:
    unit = root / "etc/systemd/system/lectern.service"
    unit.write_text(unit.read_text().replace("WatchdogSec", "WatchDogSec"))
    assert "WatchDogSec" in analyze(root, "verify", "lectern.service").stderr


@needs_systemd
@pytest.mark.parametrize("service", SERVICES)
def test_exposure_of_the_services_is_at_most_3(root: Path, service: str) -> None:
    run = analyze(root, "security", "--offline=true", "--threshold=30", service)
    assert run.returncode == 0, run.stdout[-300:]
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", run.stdout)
    assert level is not None
    assert float(level[1]) <= 3.0


def test_services_may_use_the_gpu(project: Path) -> None:
    unit = (project / "systemd/lectern.service").read_text()
    keys = {line.partition("=")[0] for line in unit.splitlines() if "=" in line}
    assert not keys & {"PrivateDevices", "MemoryDenyWriteExecute"}
    assert "DeviceAllow=char-nv* rw" in unit.splitlines()


def test_every_file_is_installed(project: Path) -> None:
    there = {path.name for path in (project / "systemd").iterdir() if path.is_file()}
    assert {file.source for file in SYSTEM_FILES} == there


@pytest.mark.skipif(shutil.which("testparm") is None, reason="samba is not installed")
def test_samba_accepts_the_shares(project: Path, tmp_path: Path) -> None:
    settings = tmp_path / "smb.conf"
    settings.write_text(f"[global]\ninclude = {project}/systemd/lectern.samba\n")
    run = subprocess.run(
        ["testparm", "-s", str(settings)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "Unknown parameter" not in run.stderr
    shares = set(re.findall(r"^\[(\w+)\]", run.stdout, re.MULTILINE))
    assert shares >= {"inbox", "outbox", "presenters"}


def test_udev_accepts_the_rule(project: Path) -> None:
    udevadm = shutil.which("udevadm")
    if udevadm is None or int(re.findall(r"^\d+", _run(udevadm, "--version").stdout)[0]) < 254:
        pytest.skip("udevadm cannot verify rules here")
    run = _run(udevadm, "verify", str(project / "systemd/lectern-usb.rules"))
    assert run.returncode == 0, run.stderr


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("systemd-tmpfiles") is None, reason="no systemd-tmpfiles")
def test_runtime_folders_are_created(project: Path, tmp_path: Path) -> None:
    command = ["systemd-tmpfiles", f"--root={tmp_path}", "--create"]
    text = (project / "systemd/lectern.tmpfiles").read_text()
    run = subprocess.run([*command, "-"], input=text, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "run/lectern/usb").is_dir()
