"""Delivery to the outbox: complete, only once, and without replacing a file."""

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
    """Simulate a file system without hard links."""

    def reject_link(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", reject_link)


@pytest.mark.parametrize("links", [True, False])
def test_existing_files_are_not_replaced(
    store: WorkerStore, video: Path, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        no_links(monkeypatch)
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    (outbox / "lesson.mp4").write_bytes(b"yesterday's")
    (outbox / "lesson (2).report.json").write_bytes(b"another report")
    one = job(store)
    assert deliver(store, one, video, report(), outbox) == outbox / "lesson (3).mp4"
    assert (outbox / "lesson (3).mp4").read_bytes() == video.read_bytes()
    delivered = json.loads((outbox / "lesson (3).report.json").read_text())
    assert delivered["output"] == {"path": str(outbox / "lesson (3).mp4"), "frames": 3}
    assert (outbox / "lesson.mp4").read_bytes() == b"yesterday's"
    assert len(os.listdir(outbox)) == 4  # no temporary files
    assert {f.path.name for f in store.files.for_job(one.id)} == {
        "lesson (3).mp4", "lesson (3).report.json",
    }  # fmt: skip


@pytest.mark.parametrize("links", [True, False])
def test_interrupted_delivery_is_not_repeated(
    store: WorkerStore, video: Path, tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not links:
        no_links(monkeypatch)
    outbox, one = tmp_path / "outbox", job(store)

    def power_cut(path: Path, text: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(delivery, "write_text", power_cut)
        deliver(store, one, video, report(), outbox)
    assert (outbox / "lesson.mp4").exists()
    assert deliver(store, one, video, report(), outbox) == outbox / "lesson.mp4"
    assert sorted(os.listdir(outbox)) == ["lesson.mp4", "lesson.report.json"]


def test_heartbeats_continue_during_a_long_copy(
    store: WorkerStore, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)
    os.truncate(video, 50_000_000)
    outbox, one, heartbeats = tmp_path / "outbox", job(store), list[None]()
    for most in (3, 6):  # the second time, the copy is compared
        deliver(store, one, video, report(), outbox, lambda: heartbeats.append(None))
        assert len(heartbeats) == most
    assert (outbox / "lesson.mp4").read_bytes() == video.read_bytes()
    assert sorted(os.listdir(outbox)) == ["lesson.mp4", "lesson.report.json"]


def test_reserved_name_is_reused_after_an_interruption(
    store: WorkerStore, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_links(monkeypatch)
    outbox, one = tmp_path / "outbox", job(store)

    def power_cut(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", power_cut)
        deliver(store, one, video, report(), outbox)
    assert (outbox / "lesson.mp4").stat().st_size == 0
    assert deliver(store, one, video, report(), outbox) == outbox / "lesson.mp4"
    assert sorted(os.listdir(outbox)) == ["lesson.mp4", "lesson.report.json"]


def test_second_job_of_the_same_name_gets_a_number(
    store: WorkerStore, video: Path, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    for _ in range(2):
        deliver(store, job(store), video, report(), outbox)
    assert sorted(p.name for p in outbox.glob("*.mp4")) == ["lesson (2).mp4", "lesson.mp4"]


def test_file_created_meanwhile_is_not_replaced(
    store: WorkerStore, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, late = tmp_path / "outbox", [b"created meanwhile"]

    def link_late(source: Path, target: Path, heartbeat: Callable[[], None]) -> None:
        if late:
            target.write_bytes(late.pop())
        link_or_copy(source, target, heartbeat)

    monkeypatch.setattr(delivery, "link_or_copy", link_late)
    assert deliver(store, job(store), video, report(), outbox) == outbox / "lesson (2).mp4"
    assert (outbox / "lesson.mp4").read_bytes() == b"created meanwhile"


@pytest.mark.parametrize("stem", ["课" * 85, "x" * 255, "🎓" * 63 + "abc", "a/b", "", "a\nb"])
def test_any_stem_yields_a_valid_file_name(
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
def test_safe_stem_is_valid_on_fat_and_windows(stem: str, name: str) -> None:
    assert safe_stem(stem) == name


def test_thumbnail_and_subtitles_are_delivered(
    store: WorkerStore, video: Path, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    (outbox / "lesson.srt").write_bytes(b"another file")
    video.with_suffix(".jpg").write_bytes(b"picture")
    video.with_suffix(".srt").write_bytes(b"words")
    one = job(store)
    for _ in range(2):  # the second time as after a power cut
        assert deliver(store, one, video, report(), outbox) == outbox / "lesson (2).mp4"
    assert (outbox / "lesson.srt").read_bytes() == b"another file"
    assert (outbox / "lesson (2).srt").read_bytes() == b"words"
    assert (outbox / "lesson (2).jpg").read_bytes() == b"picture"
    assert {file.path.suffix for file in store.files.for_job(one.id)} == {
        ".mp4", ".json", ".jpg", ".srt",
    }  # fmt: skip
    assert len(os.listdir(outbox)) == 5
