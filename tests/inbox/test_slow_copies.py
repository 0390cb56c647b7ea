"""Copies that take their time: never taken early, and never twice."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from appliance.inbox.stability import is_open_for_writing
from tests.inbox.box import PATIENCE, SETTLE, UNSURE, Box, facts

TEXT = b"word " * 4000  # 20 KB


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    (made.presenters / "default.png").touch()
    return made


@pytest.fixture
def share(tmp_path: Path) -> Box:
    """An inbox on another machine's disk, where nobody knows who writes."""
    made = Box(tmp_path, mounts=f"2 1 0:40 / {tmp_path / 'inbox'} rw - cifs //school/box rw\n")
    (made.presenters / "default.png").touch()
    made.inbox._watcher.is_due(busy=False)
    return made


def steps(box: Box, seconds: float) -> None:
    """The daemon's looks, one every 5 s."""
    for _ in range(int(seconds // 5)):
        box.clock.time += 5
        box.inbox.scan()


def copy_slowly(box: Box, path: Path, content: bytes, *, stall_at: int, stall_s: float) -> None:
    """1 KB a second, with a rest in the middle; the file stays open."""
    with path.open("wb") as file:
        for start in range(0, len(content), 1024):
            file.write(content[start : start + 1024])
            file.flush()
            box.clock.time += 1
            box.inbox.scan()
            if start <= stall_at < start + 1024:
                steps(box, stall_s)
            assert box.store.jobs() == []


def test_one_kilobyte_a_second_with_a_minute_of_nothing(box: Box) -> None:
    path = box.folder / "lesson.txt"
    path.touch()
    if is_open_for_writing(path) is None:
        pytest.skip("this file system grants no leases")
    copy_slowly(box, path, TEXT, stall_at=9000, stall_s=600)
    steps(box, SETTLE - 5)
    assert box.store.jobs() == []
    steps(box, 300)
    assert [facts(job)[3] for job in box.store.jobs()] == ["lesson.txt"]


def test_the_same_on_a_share_where_nobody_knows_who_writes(share: Box) -> None:
    copy_slowly(share, share.folder / "lesson.txt", TEXT, stall_at=9000, stall_s=60)
    steps(share, UNSURE - 5)
    assert share.store.jobs() == []
    steps(share, 300)
    assert len(share.store.jobs()) == 1


@pytest.mark.parametrize("passing", [".lesson.txt.Xa3k", "lesson.txt.part", "lesson.txt.filepart"])
def test_a_copy_that_is_renamed_at_its_end(box: Box, passing: str) -> None:
    copy_slowly(box, box.folder / passing, TEXT, stall_at=9000, stall_s=200)
    steps(box, 300)
    assert box.store.jobs() == []
    os.rename(box.folder / passing, box.folder / "lesson.txt")
    steps(box, 300)
    assert [facts(job)[3] for job in box.store.jobs()] == ["lesson.txt"]


def test_replaced_while_it_waits_it_waits_anew_and_counts_once(box: Box) -> None:
    path = box.folder / "lesson.txt"
    path.write_bytes(TEXT)
    for _ in range(6):
        steps(box, SETTLE - 5)
        assert box.store.jobs() == []
        other = box.folder / ".new"
        other.write_bytes(TEXT)
        os.replace(other, path)
    steps(box, 300)
    assert len(box.store.jobs()) == 1


def test_replaced_while_its_job_waits_for_a_presenter(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.drop("lesson.txt")
    (job,) = box.look()
    (box.folder / "lesson.txt").unlink()
    box.drop("lesson.txt", content=b"better")
    assert [each.id for each in box.look()] == [job.id]
    box.drop("lesson.png")
    assert [facts(each) for each in box.look()] == [
        ("lesson", "queued", "lesson.png", "lesson.txt")
    ]


class HalfCopied:
    """Says of everything that its end is still to come, and notes what it was asked."""

    def __init__(self) -> None:
        self.growing, self.asked = True, 0

    def __call__(self, paths: Sequence[Path]) -> Collection[Path]:
        self.asked += len(paths)
        return paths if self.growing else ()


def test_what_looks_cut_off_is_left_until_it_is_whole(tmp_path: Path) -> None:
    check = HalfCopied()
    box = Box(tmp_path, check=check)
    box.drop("a.png", "a.wav")
    assert box.look() == box.look(SETTLE) == []
    box.drop("a.wav", content=b"more")  # the copy goes on
    check.growing = False
    assert box.look(SETTLE - 1) == []
    assert [facts(job)[1] for job in box.look(1)] == ["queued"]
    asked = check.asked
    box.look()
    assert check.asked == asked  # once it is known, nobody is asked again


def test_what_stays_cut_off_is_handed_on_to_be_explained(tmp_path: Path) -> None:
    box = Box(tmp_path, check=HalfCopied())
    box.drop("a.png", "a.wav")
    box.look()
    steps(box, PATIENCE - SETTLE - 5)
    assert box.store.jobs() == []
    steps(box, 10)
    assert len(box.store.jobs()) == 1
