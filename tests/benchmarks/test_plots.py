"""Tables of measurements that are extended by later runs."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.plots import add_csv

KEYS = ("case", "lecture_s")


def test_later_run_adds_and_replaces_rows(tmp_path: Path) -> None:
    table = tmp_path / "length.csv"
    first = [{"case": "a", "lecture_s": 60.0, "mb": 1}, {"case": "a", "lecture_s": 600.0, "mb": 2}]
    assert add_csv(table, first, KEYS) == first
    repeated = {"case": "a", "lecture_s": 60.0, "mb": 3}
    other = {"case": "b", "lecture_s": 60.0, "mb": 4}
    assert add_csv(table, [repeated, other], KEYS) == [repeated, first[1], other]
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ") and lines[1] == "case,lecture_s,mb"
    assert lines[2:] == ["a,60.0,3", "a,600.0,2", "b,60.0,4"]
