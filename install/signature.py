"""The signature of a bundle, made and checked with OpenSSH (``ssh-keygen -Y``).

The list of SHA-256 sums is signed: it names every file of the bundle. Whose signature is accepted
is stated by a file of allowed signers (``man ssh-keygen``): one line for each signer, with a name
and a public key.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from install.errors import InstallError
from install.paths import ALLOWED_SIGNERS, CURRENT
from install.source import SIGNATURE, SUMS
from install.system import System

NAMESPACE = "lectern-bundle"
"""What the signature is for; a signature that the same key made for something else is rejected."""
SIGNERS_IN_SOURCE = "install/allowed_signers"


def sign(folder: Path, key: Path) -> None:
    """Sign the sums of the bundle in ``folder`` with the private key (or the agent's key) ``key``.

    ``ssh-keygen`` asks for the passphrase if the key has one. Raises ``InstallError`` if it fails.
    """
    (folder / SIGNATURE).unlink(missing_ok=True)
    command = [
        "ssh-keygen",
        "-q",
        "-Y",
        "sign",
        "-f",
        str(key),
        "-n",
        NAMESPACE,
        str(folder / SUMS),
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InstallError("ssh-keygen cannot be run.", "Install openssh-client.") from error
    if result.returncode != 0 or not (folder / SIGNATURE).is_file():
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise InstallError(
            f"The bundle could not be signed: {reason}", "Specify the file of a private key."
        )


def find_signers(system: System, source: Path) -> Path | None:
    """Return the file of allowed signers, ``None`` if there is none.

    The file of this device counts before that of the installed version, and only if there is
    neither, as at the first installation, that of the bundle itself.
    """
    places = (
        system.path(ALLOWED_SIGNERS),
        system.path(f"{CURRENT}/{SIGNERS_IN_SOURCE}"),
        source / SIGNERS_IN_SOURCE,
    )
    return next((path for path in places if path.is_file()), None)


def check_signature(folder: Path, signers: Path | None, *, allow_unsigned: bool = False) -> str:
    """Check the signature of the bundle in ``folder`` and return a statement of the result.

    Without ``signers`` nothing is checked. With ``allow_unsigned`` a bundle without a signature is
    accepted, but a wrong signature is not. Raises ``InstallError`` for a bundle that is not
    accepted. The sums themselves are compared by :func:`install.source.check_sums`.
    """
    signature = folder / SIGNATURE
    if not signature.is_file():
        if signers is not None and not allow_unsigned:
            raise InstallError(
                f"The bundle is not signed, but {signers} demands a signature.",
                "Get the signed bundle, or add --unsigned if you built this bundle yourself.",
            )
        return "The bundle is not signed: nobody vouches for its origin."
    if signers is None:
        return (
            "The bundle is signed, but the signature was not checked: this device has no "
            f"{ALLOWED_SIGNERS}."
        )
    common = ["-f", str(signers), "-s", str(signature)]
    found = _ssh_keygen(["find-principals", *common], signature)
    names = found.stdout.decode(errors="replace").splitlines()
    if found.returncode != 0 or not names:
        raise InstallError(
            f"The bundle was signed with a key that is not in {signers}.",
            "Do not use this bundle unless you know its signer; then add the signer's line.",
        )
    checked = _ssh_keygen(["verify", *common, "-I", names[0], "-n", NAMESPACE], folder / SUMS)
    if checked.returncode != 0:
        raise InstallError(
            "The signature of the bundle is wrong: its list of files was changed after signing.",
            "Do not use this bundle. Get it again from its source.",
        )
    return f"The bundle was signed by {names[0]}."


def _ssh_keygen(words: list[str], stdin: Path) -> subprocess.CompletedProcess[bytes]:
    try:
        with stdin.open("rb") as file:
            return subprocess.run(
                ["ssh-keygen", "-Y", *words], stdin=file, capture_output=True, check=False
            )
    except FileNotFoundError as error:
        raise InstallError(
            "The signature of the bundle cannot be checked without ssh-keygen.",
            "Run 'sudo apt-get install openssh-client' first.",
        ) from error
