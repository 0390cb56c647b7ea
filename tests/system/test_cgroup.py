from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.system.cgroup import cpu_count, memory_headroom_mb

MB = 1 << 20


def _tree(root: Path, groups: str, files: dict[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_tightest_group_applies_and_reclaimable_pages_count_as_free(
    tmp_path: Path,
) -> None:
    root = _tree(
        tmp_path,
        "0::/system.slice/lectern.service\n",
        {
            "system.slice/lectern.service/memory.max": "max\n",
            "system.slice/lectern.service/memory.high": f"{900 * MB}\n",
            "system.slice/lectern.service/memory.current": f"{300 * MB}\n",
            "system.slice/lectern.service/memory.stat": f"anon 1\ninactive_file {50 * MB}\n",
            "system.slice/memory.max": f"{2000 * MB}\n",
            "system.slice/memory.current": f"{1500 * MB}\n",
        },
    )  # fmt: skip
    assert memory_headroom_mb(root) == 500
    (root / "sys/fs/cgroup/system.slice/memory.max").write_text("max\n")
    assert memory_headroom_mb(root) == 650


def test_version_1_and_its_value_for_unlimited(tmp_path: Path) -> None:
    root = _tree(
        tmp_path,
        "4:memory:/box\n2:cpu,cpuacct:/box\n0::/\n",
        {
            "memory/box/memory.limit_in_bytes": f"{700 * MB}\n",
            "memory/box/memory.usage_in_bytes": f"{250 * MB}\n",
            "memory/box/memory.stat": f"inactive_file 1\ntotal_inactive_file {30 * MB}\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": f"{5000 * MB}\n",
            "cpu,cpuacct/box/cpu.cfs_quota_us": "100000\n",
            "cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
        },
    )
    assert memory_headroom_mb(root) == 480
    assert cpu_count(root) == 1


def test_group_over_its_limit_has_no_headroom(tmp_path: Path) -> None:
    files = {"memory.max": f"{MB}", "memory.current": f"{3 * MB}"}
    assert memory_headroom_mb(_tree(tmp_path, "0::/\n", files)) == 0


@pytest.mark.parametrize("groups", ["", "0::/\n", "0::/gone\n", "nonsense\n", "4:memory:/x\n"])
def test_unreadable_limit_is_no_limit(tmp_path: Path, groups: str) -> None:
    root = _tree(tmp_path, groups, {"cpu.max": "max 100000\n", "memory.max": "max\n"})
    assert memory_headroom_mb(root) is None
    assert cpu_count(root) == len(os.sched_getaffinity(0))


def test_without_proc_there_is_no_limit(tmp_path: Path) -> None:
    assert memory_headroom_mb(tmp_path) is None


def test_cpu_quota_is_rounded_and_at_least_one(tmp_path: Path) -> None:
    root = _tree(tmp_path, "0::/a/b\n", {"a/b/cpu.max": "20000 100000\n"})
    assert cpu_count(root) == 1
