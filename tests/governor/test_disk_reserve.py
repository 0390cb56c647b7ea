"""The space kept aside is really taken, given back at once, and never more than there is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.governor.disk_reserve import DiskReserve


class TestBallast:
    def test_it_takes_its_space_and_gives_it_back(self, tmp_path: Path) -> None:
        ballast = DiskReserve(tmp_path / "ballast", 1_000_000)
        ballast.allocate()
        assert (tmp_path / "ballast").stat().st_blocks * 512 >= 1_000_000
        before = (tmp_path / "ballast").stat().st_mtime_ns
        ballast.allocate()
        assert (tmp_path / "ballast").stat().st_mtime_ns == before
        ballast.release()
        ballast.release()
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize("size", [1_000_000_000_000_000])
    def test_it_takes_nothing_where_space_is_short(self, tmp_path: Path, size: int) -> None:
        DiskReserve(tmp_path / "ballast", size).allocate()
        assert os.listdir(tmp_path) == []

    def test_a_folder_that_is_gone_is_no_fault(self, tmp_path: Path) -> None:
        ballast = DiskReserve(tmp_path / "gone" / "ballast", 1000)
        ballast.allocate()
        ballast.release()
