"""Read the small files of ``/sys`` and ``/proc``.

A sensor may exist and still be unreadable: on Orin, the zones ``cv0`` to ``cv2`` return ``EAGAIN``
while their accelerator is powered down. Every failure results in ``None``, never in zero or an
exception.
"""

from __future__ import annotations

import os
from pathlib import Path

_SIZE = 1 << 16  # bytes; larger than any file read here


def read_text(path: Path) -> str | None:
    """Return the content of ``path``, stripped of white space and NULs; ``None`` if unreadable."""
    try:
        # Non-blocking: a file without data must not block the other sensors.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return os.read(handle, _SIZE).decode("utf-8", "replace").strip(" \t\r\n\0")
    except OSError:
        return None
    finally:
        os.close(handle)


def read_number(path: Path) -> float | None:
    """Return the first word in the file ``path`` as a number; ``None`` if it is not a number."""
    words = (read_text(path) or "").split(None, 1)
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def list_folders(path: Path, prefix: str = "") -> list[Path]:
    """Return the entries of the folder ``path`` with names that begin with ``prefix``.

    They are in natural order (``hwmon2`` before ``hwmon10``); empty if ``path`` cannot be read.
    """
    try:
        names = [name for name in os.listdir(path) if name.startswith(prefix)]
    except OSError:
        return []
    return [path / name for name in sorted(names, key=lambda name: (len(name), name))]


def hwmon_folders(root: Path) -> dict[str, list[Path]]:
    """Return the folders of the hardware monitors by name."""
    found: dict[str, list[Path]] = {}
    for folder in list_folders(root / "sys/class/hwmon", "hwmon"):
        found.setdefault(read_text(folder / "name") or "", []).append(folder)
    return found
