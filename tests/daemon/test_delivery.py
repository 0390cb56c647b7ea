"""The outbox: whole, once, and over nothing."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.daemon import delivery
from appliance.daemon.delivery import deliver, link_or_copy
from appliance.files.names import MAX_STEM_BYTES, safe_stem
from appliance.jobs.models import Job, NewJob
from appliance.jobs.worker_store import WorkerStore


@pytest.fixture
def store(tmp_path: Path) -> WorkerStore:
    return WorkerStore(tmp_path / "lectern.sqlite3")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "lesson.mp4"
    path.parent.mkdir()
    path.write_bytes(b"pictures and sound")
    return path


def job(store: WorkerStore, stem: str = "lesson") -> Job:
    return store.add(NewJob(stem, Path("p.mp4"), Path("l.wav")))


def report() -> dict[str, Any]:
    return {"output": {"path": "elsewhere", "frames": 3}}


def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without hard links."""

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)


@pytest.mark.parametrize("links", [True, False])
def test_nothing_is_written_over(
    store: WorkerStore, video: Path, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        no_links(monkeypatch)
    box = tmp_path / "outbox"
    box.mkdir()
    (box / "lesson.mp4").write_bytes(b"yesterday's")
    (box / "lesson (2).report.json").write_bytes(b"somebody's")
    one = job(store)
    assert deliver(store, one, video, report(), box) == box / "lesson (3).mp4"
    assert (box / "lesson (3).mp4").read_bytes() == video.read_bytes()
    told = json.loads((box / "lesson (3).report.json").read_text())
    assert told["output"] == {"path": str(box / "lesson (3).mp4"), "frames": 3}
    assert (box / "lesson.mp4").read_bytes() == b"yesterday's"
    assert len(os.listdir(box)) == 4  # no debris
    assert {f.path.name for f in store.files.for_job(one.id)} == {
        "lesson (3).mp4", "lesson (3).report.json",
    }  # fmt: skip


@pytest.mark.parametrize("links", [True, False])
def test_a_delivery_cut_off_after_the_video_is_not_made_twice(
    store: WorkerStore, video: Path, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        no_links(monkeypatch)
    box, one = tmp_path / "outbox", job(store)

    def power_cut(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(delivery, "commit", power_cut)
        deliver(store, one, video, report(), box)
    assert (box / "lesson.mp4").exists()
    assert deliver(store, one, video, report(), box) == box / "lesson.mp4"
    assert sorted(os.listdir(box)) == ["lesson.mp4", "lesson.report.json"]


def test_a_long_copy_gives_signs_of_life(
    store: WorkerStore, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)
    os.truncate(video, 50_000_000)
    box, one, beats = tmp_path / "outbox", job(store), list[None]()
    for most in (3, 6):  # the second time, the copy is compared
        deliver(store, one, video, report(), box, lambda: beats.append(None))
        assert len(beats) == most
    assert (box / "lesson.mp4").read_bytes() == video.read_bytes()
    assert sorted(os.listdir(box)) == ["lesson.mp4", "lesson.report.json"]


def test_a_name_that_was_taken_before_the_cut_is_used(
    store: WorkerStore, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)
    box, one = tmp_path / "outbox", job(store)

    def power_cut(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", power_cut)
        deliver(store, one, video, report(), box)
    assert (box / "lesson.mp4").stat().st_size == 0
    assert deliver(store, one, video, report(), box) == box / "lesson.mp4"
    assert sorted(os.listdir(box)) == ["lesson.mp4", "lesson.report.json"]


def test_two_jobs_of_one_name_both_appear(store: WorkerStore, video: Path, tmp_path: Path) -> None:
    box = tmp_path / "outbox"
    for _ in range(2):
        deliver(store, job(store), video, report(), box)
    assert sorted(p.name for p in box.glob("*.mp4")) == ["lesson (2).mp4", "lesson.mp4"]


def test_a_name_taken_at_the_last_moment_is_left_alone(
    store: WorkerStore, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, fast = tmp_path / "outbox", [b"somebody was faster"]

    def place_late(source: Path, target: Path, beat: Callable[[], None]) -> None:
        if fast:
            target.write_bytes(fast.pop())
        link_or_copy(source, target, beat)

    monkeypatch.setattr(delivery, "link_or_copy", place_late)
    assert deliver(store, job(store), video, report(), box) == box / "lesson (2).mp4"
    assert (box / "lesson.mp4").read_bytes() == b"somebody was faster"


@pytest.mark.parametrize("stem", ["课" * 85, "x" * 255, "🎓" * 63 + "abc", "a/b", "", "a\nb"])
def test_any_stem_makes_a_file_name(
    store: WorkerStore, video: Path, tmp_path: Path, stem: str
) -> None:
    assert len(os.fsencode(safe_stem(stem))) <= MAX_STEM_BYTES
    target = deliver(store, job(store, stem), video, report(), tmp_path / "outbox")
    assert target.read_bytes() == video.read_bytes()
    assert "\ufffd" not in target.name


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ('Why? "1:2" <a|b> c*d\\e', "Why_ _1_2_ _a_b_ c_d_e"),
        ("a\nb\x07", "a_b_"),
        (os.fsdecode(b"\xff lesson"), "_ lesson"),
        ("con", "_con"),
        ("LPT1.notes", "_LPT1.notes"),
        ("lesson 1. ", "lesson 1"),
        ("..", "lecture"),
        (".hidden", "_.hidden"),
        ("课程 三 🎓", "课程 三 🎓"),
        ("console", "console"),
    ],
)
def test_a_name_is_one_that_fat_and_windows_have_too(stem: str, name: str) -> None:
    assert safe_stem(stem) == name


def test_the_thumbnail_and_the_subtitles_come_with_the_video(
    store: WorkerStore, video: Path, tmp_path: Path
) -> None:
    box = tmp_path / "outbox"
    box.mkdir()
    (box / "lesson.srt").write_bytes(b"somebody's own")
    video.with_suffix(".jpg").write_bytes(b"picture")
    video.with_suffix(".srt").write_bytes(b"words")
    one = job(store)
    for _ in range(2):  # the second time as after a power cut
        assert deliver(store, one, video, report(), box) == box / "lesson (2).mp4"
    assert (box / "lesson.srt").read_bytes() == b"somebody's own"
    assert (box / "lesson (2).srt").read_bytes() == b"words"
    assert (box / "lesson (2).jpg").read_bytes() == b"picture"
    assert {file.path.suffix for file in store.files.for_job(one.id)} == {
        ".mp4", ".json", ".jpg", ".srt",
    }  # fmt: skip
    assert len(os.listdir(box)) == 5
