"""The machine as the installer sees it: files below a root, and commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from install.errors import InstallError

Runner = Callable[[Sequence[str], Mapping[str, str]], str]
"""Runs a command with an environment; its standard output, or an ``InstallError``."""


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run ``command`` to its end. Raises ``InstallError`` with its last words if it fails."""
    try:
        result = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=dict(environment),
        )
    except OSError as error:
        raise InstallError(
            f"'{command[0]}' cannot be run: {error.strerror}.", "Install it and try again."
        ) from error
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip().splitlines()
        raise InstallError(
            f"'{' '.join(map(str, command))}' failed: {' | '.join(said[-3:]) or 'it said nothing'}",
            "Mend what it names and run the same command again.",
        )
    return result.stdout


class System:
    """A machine whose files lie below ``root`` (``/`` for the real one)."""

    def __init__(
        self,
        root: Path = Path("/"),
        run: Runner = run_command,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self.root = root
        self._run = run
        self._environment = environment

    def path(self, absolute: str | Path) -> Path:
        """Where the file that the machine calls ``absolute`` lies."""
        return self.root / str(absolute).lstrip("/")

    def run(self, *command: str | Path, extra: Mapping[str, str] | None = None) -> str:
        """Run a command with the English messages that the installer may have to pass on."""
        kept = {
            name: value
            for name, value in self._environment.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
        }
        kept |= {"LC_ALL": "C.UTF-8", **(extra or {})}
        return self._run([str(word) for word in command], kept)

    def has(self, command: str) -> bool:
        """Whether the machine has the program ``command``."""
        return (
            shutil.which(command, path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin") is not None
        )

    @property
    def booted(self) -> bool:
        """Whether systemd runs here (in a chroot or an image under construction it does not)."""
        return self.path("/run/systemd/system").is_dir()

    def read(self, absolute: str | Path) -> bytes | None:
        """The bytes of a file, ``None`` where there is none."""
        try:
            return self.path(absolute).read_bytes()
        except OSError:
            return None
