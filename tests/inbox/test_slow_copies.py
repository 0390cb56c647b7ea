"""Tests of slow copies, which must be processed neither early nor twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.inbox.content import Examination
from appliance.inbox.stability import is_open_for_writing
from tests.inbox.harness import (
    INCOMPLETE_TIMEOUT_S,
    SETTLE_S,
    SETTLE_UNKNOWN_S,
    InboxHarness,
    summary,
)

TEXT = b"word " * 4000  # 20 KB


@pytest.fixture
def harness(tmp_path: Path) -> InboxHarness:
    harness = InboxHarness(tmp_path)
    (harness.presenters / "default.png").touch()
    return harness


@pytest.fixture
def share(tmp_path: Path) -> InboxHarness:
    """An inbox on a network share, where it is unknown whether a file is being written."""
    harness = InboxHarness(
        tmp_path, mounts=f"2 1 0:40 / {tmp_path / 'inbox'} rw - cifs //school/box rw\n"
    )
    (harness.presenters / "default.png").touch()
    harness.scanner._watcher.is_due(busy=False)
    return harness


def run_scans(harness: InboxHarness, seconds: float) -> None:
    """Scan every 5 s for ``seconds``."""
    for _ in range(int(seconds // 5)):
        harness.clock.time += 5
        harness.scanner.scan()


def copy_slowly(
    harness: InboxHarness, path: Path, content: bytes, *, stall_at: int, stall_s: float
) -> None:
    """Write 1 KB per second, with a pause in the middle; the file stays open."""
    with path.open("wb") as file:
        for start in range(0, len(content), 1024):
            file.write(content[start : start + 1024])
            file.flush()
            harness.clock.time += 1
            harness.scanner.scan()
            if start <= stall_at < start + 1024:
                run_scans(harness, stall_s)
            assert harness.store.jobs() == []


def test_slow_copy_with_a_long_pause_creates_one_job(harness: InboxHarness) -> None:
    path = harness.folder / "lesson.txt"
    path.touch()
    if is_open_for_writing(path) is None:
        pytest.skip("this file system grants no leases")
    copy_slowly(harness, path, TEXT, stall_at=9000, stall_s=600)
    run_scans(harness, SETTLE_S - 5)
    assert harness.store.jobs() == []
    run_scans(harness, 300)
    assert [summary(job)[3] for job in harness.store.jobs()] == ["lesson.txt"]


def test_slow_copy_on_a_share_creates_one_job(share: InboxHarness) -> None:
    copy_slowly(share, share.folder / "lesson.txt", TEXT, stall_at=9000, stall_s=60)
    run_scans(share, SETTLE_UNKNOWN_S - 5)
    assert share.store.jobs() == []
    run_scans(share, 300)
    assert len(share.store.jobs()) == 1


@pytest.mark.parametrize(
    "temporary_name", [".lesson.txt.Xa3k", "lesson.txt.part", "lesson.txt.filepart"]
)
def test_copy_that_is_renamed_at_its_end_creates_one_job(
    harness: InboxHarness, temporary_name: str
) -> None:
    copy_slowly(harness, harness.folder / temporary_name, TEXT, stall_at=9000, stall_s=200)
    run_scans(harness, 300)
    assert harness.store.jobs() == []
    os.rename(harness.folder / temporary_name, harness.folder / "lesson.txt")
    run_scans(harness, 300)
    assert [summary(job)[3] for job in harness.store.jobs()] == ["lesson.txt"]


def test_repeatedly_replaced_file_creates_one_job(harness: InboxHarness) -> None:
    path = harness.folder / "lesson.txt"
    path.write_bytes(TEXT)
    for _ in range(6):
        run_scans(harness, SETTLE_S - 5)
        assert harness.store.jobs() == []
        other = harness.folder / ".new"
        other.write_bytes(TEXT)
        os.replace(other, path)
    run_scans(harness, 300)
    assert len(harness.store.jobs()) == 1


def test_file_replaced_while_its_job_waits_keeps_the_job(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path)
    harness.drop("lesson.txt")
    (job,) = harness.scan()
    (harness.folder / "lesson.txt").unlink()
    harness.drop("lesson.txt", content=b"better")
    assert [each.id for each in harness.scan()] == [job.id]
    harness.drop("lesson.png")
    assert [summary(each) for each in harness.scan()] == [
        ("lesson", "queued", "lesson.png", "lesson.txt")
    ]


class IncompleteCheck:
    """Reports every file as incomplete while ``growing``, and counts the checks."""

    def __init__(self) -> None:
        self.growing, self.checked = True, 0

    def __call__(self, paths: Sequence[Path]) -> Examination:
        self.checked += len(paths)
        return Examination(set(paths) if self.growing else set())


def test_incomplete_file_is_not_processed_until_it_is_complete(tmp_path: Path) -> None:
    check = IncompleteCheck()
    harness = InboxHarness(tmp_path, check=check)
    harness.drop("a.png", "a.wav")
    assert harness.scan() == harness.scan(SETTLE_S) == []
    harness.drop("a.wav", content=b"more")  # the copy continues
    check.growing = False
    assert harness.scan(SETTLE_S - 1) == []
    assert [summary(job)[1] for job in harness.scan(1)] == ["queued"]
    checked = check.checked
    harness.scan()
    assert check.checked == checked  # a complete file is not checked again


def test_file_that_stays_incomplete_is_processed_after_the_timeout(tmp_path: Path) -> None:
    harness = InboxHarness(tmp_path, check=IncompleteCheck())
    harness.drop("a.png", "a.wav")
    harness.scan()
    run_scans(harness, INCOMPLETE_TIMEOUT_S - SETTLE_S - 5)
    assert harness.store.jobs() == []
    run_scans(harness, 10)
    assert len(harness.store.jobs()) == 1
