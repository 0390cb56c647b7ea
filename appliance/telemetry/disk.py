"""Free space, wear and written data of a disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from appliance.system.sysfs import read_number, read_text

_MB = 1 << 20
_SECTOR_BYTES = 512  # bytes; the unit of the kernel's counters for every disk
_SECTORS_WRITTEN_FIELD = 6  # index of the field of ``stat`` that counts written sectors


class Disk:
    """The disk that contains ``folder``; its files in ``/sys`` are read below ``root``.

    ``device`` is its device number (major, minor); ``None``: that of ``folder``.
    """

    def __init__(self, folder: Path, root: Path, device: tuple[int, int] | None = None) -> None:
        self._folder = folder
        self._block = _block_device(folder, root, device)

    def space_mb(self) -> tuple[float, float]:
        """Return the free and the total space in MiB; zeros if the disk cannot be read."""
        try:
            usage = shutil.disk_usage(_nearest_existing(self._folder))
        except OSError:
            return 0.0, 0.0
        return usage.free / _MB, usage.total / _MB

    def wear_percent(self) -> float | None:
        """Return how much of its rated life an eMMC or SD card has used, in percent.

        The value is the upper end of a step of 10 %. JEDEC JESD84-B51, ``DEVICE_LIFE_TIME_EST``:
        1 is up to 10 %, …, 11 is more than 100 %. Returns ``None`` for all other disks; NVMe disks
        report their wear only through an administrator's command.
        """
        if self._block is None:
            return None
        steps = (read_text(self._block / "device/life_time") or "").split()
        try:
            worst = max((int(step, 16) for step in steps), default=0)
        except ValueError:
            return None
        return worst * 10.0 if worst else None

    def written_mb(self) -> float | None:
        """Return the MiB written since boot, or ``None`` if unknown."""
        fields = (read_text(self._block / "stat") or "").split() if self._block else []
        if len(fields) <= _SECTORS_WRITTEN_FIELD or not fields[_SECTORS_WRITTEN_FIELD].isdigit():
            return None
        return int(fields[_SECTORS_WRITTEN_FIELD]) * _SECTOR_BYTES / _MB

    @property
    def is_removable(self) -> bool:
        """Whether the disk is removable."""
        return self._block is not None and read_number(self._block / "removable") == 1


def _nearest_existing(folder: Path) -> Path:
    """Return ``folder``, or its nearest parent that exists."""
    return next((path for path in (folder, *folder.parents) if path.exists()), folder)


def _block_device(folder: Path, root: Path, device: tuple[int, int] | None) -> Path | None:
    """Return the folder of the whole disk (not the partition) in ``/sys``, or ``None``."""
    if device is None:
        try:
            device_number = os.stat(_nearest_existing(folder)).st_dev
        except OSError:
            return None
        device = os.major(device_number), os.minor(device_number)
    link = root / f"sys/dev/block/{device[0]}:{device[1]}"
    if not link.exists():  # tmpfs, overlay or network share
        return None
    path = link.resolve()
    return path.parent if (path / "partition").exists() else path
