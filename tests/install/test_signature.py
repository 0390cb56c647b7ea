"""Signed bundles, with the real ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from install.bundle import write_sums
from install.errors import InstallError
from install.signature import NAMESPACE, check_signature, find_signers, sign
from install.source import SIGNATURE, SUMS, Source
from install.system import System
from tests.install.conftest import make_bundle

pytestmark = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="this machine has no ssh-keygen"
)


def make_key(path: Path) -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def allow(file: Path, *signers: tuple[str, Path]) -> Path:
    lines = [f"{name} {key.with_suffix('.pub').read_text()}" for name, key in signers]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(lines))
    return file


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_key(tmp_path / "key")


@pytest.fixture
def signers(tmp_path: Path, key: Path) -> Path:
    return allow(tmp_path / "allowed_signers", ("releases@lectern", key))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    make_bundle(folder)
    (folder / "wheels").mkdir()
    (folder / "wheels/lectern.whl").write_bytes(b"wheel")
    write_sums(folder)
    return folder


def test_signed_bundle_is_accepted_and_its_signer_named(
    bundle: Path, key: Path, signers: Path
) -> None:
    sign(bundle, key)
    assert check_signature(bundle, signers) == "The bundle was signed by releases@lectern."
    assert Source.open(bundle).is_bundle


def test_bundle_with_new_sums_is_rejected(bundle: Path, key: Path, signers: Path) -> None:
    sign(bundle, key)
    (bundle / "wheels/lectern.whl").write_bytes(b"evil")
    write_sums(bundle)
    assert Source.open(bundle).is_bundle  # the sums alone do not show it
    for unsigned in (False, True):
        with pytest.raises(InstallError, match="changed after signing"):
            check_signature(bundle, signers, allow_unsigned=unsigned)


def test_signature_of_another_key_is_rejected(bundle: Path, signers: Path, tmp_path: Path) -> None:
    sign(bundle, make_key(tmp_path / "other"))
    with pytest.raises(InstallError, match="a key that is not in"):
        check_signature(bundle, signers, allow_unsigned=True)


def test_signature_for_another_purpose_is_rejected(bundle: Path, key: Path, signers: Path) -> None:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", "git", str(bundle / SUMS)]
    subprocess.run(command, check=True)
    assert NAMESPACE != "git"
    with pytest.raises(InstallError):
        check_signature(bundle, signers)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN SSH SIGNATURE-----\n"])
def test_damaged_signature_is_rejected(bundle: Path, signers: Path, content: bytes) -> None:
    (bundle / SIGNATURE).write_bytes(content)
    with pytest.raises(InstallError):
        check_signature(bundle, signers)


def test_unsigned_bundle_needs_an_explicit_statement_if_signers_are_configured(
    bundle: Path, signers: Path
) -> None:
    with pytest.raises(InstallError, match="--unsigned"):
        check_signature(bundle, signers)
    assert "not signed" in check_signature(bundle, signers, allow_unsigned=True)
    assert "not signed" in check_signature(bundle, None)


def test_signature_that_cannot_be_checked_is_not_called_valid(bundle: Path, key: Path) -> None:
    sign(bundle, key)
    assert "was not checked" in check_signature(bundle, None)


def test_signing_without_a_key_is_reported(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="could not be signed"):
        sign(bundle, tmp_path / "absent")


def test_signers_of_the_device_count_before_those_of_the_bundle(tmp_path: Path, key: Path) -> None:
    system, source = System(tmp_path / "root"), tmp_path / "bundle"
    assert find_signers(system, source) is None
    places = [
        source / "install/allowed_signers",
        tmp_path / "root/opt/lectern/current/install/allowed_signers",
        tmp_path / "root/etc/lectern/allowed_signers",
    ]
    for place in places:
        allow(place, ("releases@lectern", key))
        assert find_signers(system, source) == place


def test_verify_checks_a_bundle_without_running_any_of_its_code(
    project: Path, bundle: Path, key: Path, tmp_path: Path
) -> None:
    """The trusted copy of the installer checks the bundle with its own signers."""
    trusted = tmp_path / "trusted"
    shutil.copytree(project / "install", trusted / "install")
    (bundle / "argparse.py").write_text("raise SystemExit('the code of the bundle ran')\n")
    write_sums(bundle)
    sign(bundle, key)

    def verify() -> tuple[int, str]:
        command = [sys.executable, "-B", "-m", "install", "verify", str(bundle)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=trusted)
        return run.returncode, run.stdout + run.stderr

    allow(bundle / "install/allowed_signers", ("releases@lectern", key))
    status, output = verify()
    assert status == 1 and "not known" in output
    (bundle / "install/allowed_signers").unlink()
    allow(trusted / "install/allowed_signers", ("releases@lectern", key))
    status, output = verify()
    assert (status, output[:43]) == (0, "The bundle was signed by releases@lectern. ")
    (bundle / "wheels/lectern.whl").write_bytes(b"evil")
    status, output = verify()
    assert status == 1 and "missing or damaged" in output
