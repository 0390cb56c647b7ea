"""Reading the small files of ``/sys`` and ``/proc`` of a running kernel.

A sensor may be there and still not answer: on Orin, the zones ``cv0`` to ``cv2`` return ``EAGAIN``
while their engine sleeps. Every failure here is ``None``, never zero and never an exception.
"""

from __future__ import annotations

import os
from pathlib import Path

_SIZE = 1 << 16  # longer than any file read here


def text(path: Path) -> str | None:
    """The content of ``path``, stripped of white space and NULs; ``None`` if it does not answer."""
    try:
        # Non-blocking, as a node that has nothing to say must not hold up the rest.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        return os.read(handle, _SIZE).decode("utf-8", "replace").strip(" \t\r\n\0")
    except OSError:
        return None
    finally:
        os.close(handle)


def number(path: Path) -> float | None:
    """The first word of ``path`` as a number; ``None`` where there is none."""
    words = (text(path) or "").split(None, 1)
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def folders(path: Path, prefix: str = "") -> list[Path]:
    """What lies in ``path`` under names that begin with ``prefix``, in natural order."""
    try:
        names = [name for name in os.listdir(path) if name.startswith(prefix)]
    except OSError:
        return []
    return [path / name for name in sorted(names, key=lambda name: (len(name), name))]


def hwmons(root: Path) -> dict[str, list[Path]]:
    """The hardware monitors of the machine by their name."""
    found: dict[str, list[Path]] = {}
    for folder in folders(root / "sys/class/hwmon", "hwmon"):
        found.setdefault(text(folder / "name") or "", []).append(folder)
    return found
