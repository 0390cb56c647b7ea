"""Downloads pinned wheels with pip, whose own settings apply.

So ``PIP_NO_INDEX`` and ``PIP_FIND_LINKS`` make this an offline installation.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


class PipFailed(Exception):
    """pip could not get a wheel; the text is the reason, in one line."""


def download_wheels(requirements: str, folder: Path, *options: str) -> list[Path]:
    """Download the wheels of ``requirements`` into ``folder`` and return their paths, sorted.

    ``requirements`` is the content of a requirements file; pip checks the hashes in it.
    Dependencies are not downloaded. Raises :class:`PipFailed`.
    """
    listed = folder / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    command += ["--no-deps", "--only-binary=:all:", *options, "--dest", str(folder)]
    command += ["--requirement", str(listed)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        messages = result.stderr.strip().splitlines() or ["pip printed no error"]
        raise PipFailed(messages[-1])
    return wheels
