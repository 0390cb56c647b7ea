"""The command line of the installer in child processes, without changes."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from install.__main__ import _kept_data_note
from install.bundle import add_parser
from install.source import MANIFEST, SUMS
from tests.install.conftest import make_bundle

pytestmark = pytest.mark.skipif(
    shutil.which("systemctl") is None, reason="this machine has no systemd"
)


def test_relative_paths_are_relative_to_the_callers_folder(project: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [project / "setup.sh", "install", "--dry-run", "--python", "./own/python"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"setup.sh: '{tmp_path}/own/python' is not a suitable Python (3.10, 3.11, 3.12). "
        "Specify another interpreter.\n"
    )


def test_kept_data_is_reported() -> None:
    assert _kept_data_note("/var/lib/lectern", purge=True) == ""
    assert _kept_data_note("/srv/lectern", purge=True).startswith("; /srv/lectern was kept")
    assert _kept_data_note("/srv/lectern", purge=False) == (
        "; /srv/lectern and /etc/lectern/config.yaml were kept"
    )


def test_bundle_is_written_to_the_callers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    options = parser.parse_args(["bundle", "--target", "x86", "-o", "out"])
    assert options.output == tmp_path / "out"


def test_ctrl_c_before_the_first_change_prints_no_traceback(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "install", tmp_path / "install")
    make_bundle(tmp_path)
    assert (tmp_path / MANIFEST).exists()
    os.mkfifo(tmp_path / SUMS)  # read first; reading blocks until the file is opened for writing
    command = [sys.executable, "-B", "-m", "install", "install", "--dry-run"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        with (tmp_path / SUMS).open("wb"):
            process.send_signal(signal.SIGINT)
        # A signal that arrives just before the read is handled only after it.
        _, output = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output == "setup.sh: Interrupted. No change was left incomplete.\n"
