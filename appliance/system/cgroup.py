"""Memory and processors that control groups leave to this process.

Supports version 2 (``memory.max``, ``memory.high``, ``cpu.max``) and version 1
(``memory.limit_in_bytes``, ``cpu.cfs_quota_us``) of the kernel's control groups, see
https://docs.kernel.org/admin-guide/cgroup-v2.html and …/cgroup-v1/memory.html. A limit may be set
at any level above the process, so every level is read. A file that cannot be read counts as no
limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_MB = 1 << 20
_NO_LIMIT = 1 << 60  # version 1 writes the largest number of pages for "no limit"


def memory_headroom_mb(root: Path = Path("/")) -> float | None:
    """Return the MiB that the groups of this process still allow; ``None`` without a limit.

    Cached file pages that the kernel may reclaim do not count as used.
    """
    headrooms = []
    for group in _groups(root, "memory"):
        limits = [
            limit
            for name in ("memory.max", "memory.high", "memory.limit_in_bytes")
            if (limit := _read_number(group / name)) is not None and limit < _NO_LIMIT
        ]
        used = _read_number(group / "memory.current") or _read_number(
            group / "memory.usage_in_bytes"
        )
        if limits and used is not None:
            headrooms.append((min(limits) - used + _reclaimable(group)) / _MB)
    return max(min(headrooms), 0.0) if headrooms else None


def cpu_count(root: Path = Path("/")) -> int:
    """Return how many processors this process may use, at least 1, by affinity and group quota."""
    count = float(len(os.sched_getaffinity(0)))
    for group in _groups(root, "cpu"):
        quota, period = _read_quota(group)
        if quota > 0 and period > 0:
            count = min(count, quota / period)
    return max(round(count), 1)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's groups for ``controller``, from the innermost upward."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        mounts = root / "sys/fs/cgroup"
        if controllers == "":
            top = mounts
        elif controller in controllers.split(","):
            top = next(
                (m for m in (mounts / controller, mounts / controllers) if m.is_dir()), mounts
            )
        else:
            continue
        folder = top / path.lstrip("/")
        while top != folder and top in folder.parents:
            yield folder
            folder = folder.parent
        yield top


def _read_number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max" means no limit, too
        return None


def _reclaimable(group: Path) -> int:
    try:
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
        values = {name: int(value) for name, value in (line.split() for line in lines)}
    except (OSError, ValueError):
        return 0
    return values.get("total_inactive_file", values.get("inactive_file", 0))


def _read_quota(group: Path) -> tuple[int, int]:
    """Return (quota, period) of processor time in µs; a quota up to 0 means no limit."""
    try:
        quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
        return int(quota), int(period)
    except (OSError, ValueError):
        quota_us, period_us = (_read_number(group / f"cpu.cfs_{n}_us") for n in ("quota", "period"))
        return quota_us or 0, period_us or 0
