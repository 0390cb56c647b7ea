"""Access to the system that Lectern is installed on: files below a root folder, and commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from install.errors import InstallError

Runner = Callable[[Sequence[str], Mapping[str, str]], str]
"""A function that runs a command with an environment and returns its standard output; it raises
``InstallError`` if the command fails."""


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run ``command`` and return its standard output.

    Raises ``InstallError`` with the last lines of its output if it fails or cannot be run.
    """
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
        output = (result.stderr or result.stdout).strip().splitlines()
        raise InstallError(
            f"'{' '.join(map(str, command))}' failed: {' | '.join(output[-3:]) or 'no message'}",
            "Fix this problem and run the same command again.",
        )
    return result.stdout


class System:
    """A system whose files are below ``root`` (``/`` except in tests)."""

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
        """Return the path below ``root`` of the system's path ``absolute``."""
        return self.root / str(absolute).lstrip("/")

    def run(self, *command: str | Path, extra: Mapping[str, str] | None = None) -> str:
        """Run a command with English messages and return its standard output.

        ``extra`` adds environment variables. Raises ``InstallError`` if the command fails.
        """
        environment = {
            name: value
            for name, value in self._environment.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
        }
        environment |= {"LC_ALL": "C.UTF-8", **(extra or {})}
        return self._run([str(word) for word in command], environment)

    def has_program(self, command: str) -> bool:
        """Return whether the program ``command`` is installed."""
        return (
            shutil.which(command, path="/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin") is not None
        )

    @property
    def systemd_running(self) -> bool:
        """Whether systemd is running (not so in a chroot or an image under construction)."""
        return self.path("/run/systemd/system").is_dir()

    def read(self, absolute: str | Path) -> bytes | None:
        """Return the bytes of a file, ``None`` if it cannot be read."""
        try:
            return self.path(absolute).read_bytes()
        except OSError:
            return None
