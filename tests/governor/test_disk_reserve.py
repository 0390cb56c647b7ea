"""The disk reserve is allocated only if there is enough space, and released at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.governor.disk_reserve import DiskReserve


class TestDiskReserve:
    def test_reserve_is_allocated_once_and_released(self, tmp_path: Path) -> None:
        reserve = DiskReserve(tmp_path / "reserve", 1_000_000)
        reserve.allocate()
        assert (tmp_path / "reserve").stat().st_blocks * 512 >= 1_000_000
        before = (tmp_path / "reserve").stat().st_mtime_ns
        reserve.allocate()
        assert (tmp_path / "reserve").stat().st_mtime_ns == before
        reserve.release()
        reserve.release()
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("size", [1_000_000_000_000_000])
    def test_reserve_is_not_allocated_if_space_is_short(self, tmp_path: Path, size: int) -> None:
        DiskReserve(tmp_path / "reserve", size).allocate()
        assert os.listdir(tmp_path) == []

    def test_missing_folder_is_ignored(self, tmp_path: Path) -> None:
        reserve = DiskReserve(tmp_path / "missing" / "reserve", 1000)
        reserve.allocate()
        reserve.release()
