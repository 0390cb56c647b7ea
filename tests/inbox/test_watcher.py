"""Tests of choosing between inotify events and polling."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.config import InboxConfig
from appliance.inbox import watcher
from appliance.inbox.watcher import FolderWatcher, InotifyListener
from tests.inbox.harness import Clock

LOCAL = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for an event of the kernel, which another thread receives within milliseconds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "timeout"
        time.sleep(0.005)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def watch(tmp_path: Path, inbox: Path) -> Iterator[Callable[..., FolderWatcher]]:
    watchers = []

    def make(
        mounts: str = LOCAL, clock: Clock | None = None, **inbox_settings: object
    ) -> FolderWatcher:
        (tmp_path / "mounts").write_text(mounts)
        settings = InboxConfig.model_validate(inbox_settings)
        watchers.append(FolderWatcher((inbox,), settings, tmp_path / "mounts", clock or Clock()))
        return watchers[-1]

    yield make
    for each in watchers:
        each.close()


def test_scan_is_due_only_after_an_event(watch: Callable[..., FolderWatcher], inbox: Path) -> None:
    folder_watcher = watch()
    assert folder_watcher.is_due(busy=False)  # the first scan
    folder_watcher.take_events()
    assert not folder_watcher.is_polling and not folder_watcher.events_unreliable
    assert not folder_watcher.is_due(busy=False)
    (inbox / "a.txt").write_text("x")
    wait_for(lambda: folder_watcher.is_due(busy=False))
    wait_for(
        lambda: (
            folder_watcher.is_due(busy=False)
            and folder_watcher._changed.get(inbox / "a.txt", False)
        )
    )
    assert folder_watcher.take_events() == {inbox / "a.txt": True}
    assert not folder_watcher.is_due(busy=False)
    assert folder_watcher.is_due(busy=True)


def test_reading_a_file_is_no_event(watch: Callable[..., FolderWatcher], inbox: Path) -> None:
    (inbox / "a.txt").write_text("x")
    folder_watcher = watch()
    assert folder_watcher.is_due(busy=False)
    folder_watcher.take_events()
    (inbox / "a.txt").read_text()
    (inbox / "b.txt").write_text("x")  # this event follows the reading
    wait_for(lambda: folder_watcher.is_due(busy=False))
    wait_for(lambda: inbox / "b.txt" in folder_watcher._changed)
    assert inbox / "a.txt" not in folder_watcher.take_events()


def test_events_in_a_new_folder_are_detected(
    watch: Callable[..., FolderWatcher], inbox: Path
) -> None:
    folder_watcher = watch()
    folder_watcher.is_due(busy=False)
    folder_watcher.take_events()
    (inbox / "week 3").mkdir()
    wait_for(lambda: folder_watcher.is_due(busy=False))
    folder_watcher.take_events()
    (inbox / "week 3" / "课.wav").write_bytes(b"x")
    wait_for(lambda: folder_watcher.is_due(busy=False))


def test_rescan_is_due_without_events(
    watch: Callable[..., FolderWatcher],
) -> None:
    clock = Clock()
    folder_watcher = watch(clock=clock, rescan_interval_s=300)
    folder_watcher.is_due(busy=False)
    folder_watcher.take_events()
    clock.time += 299
    assert not folder_watcher.is_due(busy=False)
    clock.time += 1
    assert folder_watcher.is_due(busy=False)


@pytest.mark.parametrize("kind", ["cifs", "nfs4", "fuse.sshfs", "9p"])
def test_share_is_polled(watch: Callable[..., FolderWatcher], inbox: Path, kind: str) -> None:
    folder_watcher = watch(f"{LOCAL}2 1 0:40 / {inbox} rw - {kind} //school/box rw\n")
    for _ in range(3):
        assert folder_watcher.is_due(busy=False)
        folder_watcher.take_events()
    assert folder_watcher.is_polling and folder_watcher.events_unreliable


def test_mounting_and_unmounting_a_share_changes_the_mode(
    watch: Callable[..., FolderWatcher], inbox: Path, tmp_path: Path
) -> None:
    folder_watcher = watch()
    folder_watcher.is_due(busy=False)
    folder_watcher.take_events()
    modes = [folder_watcher.is_polling]
    (tmp_path / "mounts").write_text(f"{LOCAL}2 1 0:40 / {inbox} rw - cifs //school/box rw\n")
    assert folder_watcher.is_due(busy=False)
    modes.append(folder_watcher.is_polling)
    folder_watcher.take_events()
    (tmp_path / "mounts").write_text(LOCAL)
    assert folder_watcher.is_due(busy=False)
    assert [*modes, folder_watcher.is_polling] == [False, True, False]


def test_recreated_folder_is_watched_again(
    watch: Callable[..., FolderWatcher], inbox: Path
) -> None:
    folder_watcher = watch()
    folder_watcher.is_due(busy=False)
    folder_watcher.take_events()
    os.rename(inbox, inbox.with_name("old"))
    with pytest.raises(FileNotFoundError):
        folder_watcher.is_due(busy=False)
    inbox.mkdir()
    assert folder_watcher.is_due(busy=False)
    folder_watcher.take_events()
    (inbox / "a.txt").write_text("x")
    wait_for(lambda: folder_watcher.is_due(busy=False))


def test_polling_is_used_without_inotify_watches(
    watch: Callable[..., FolderWatcher],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def none_left(*_: object) -> InotifyListener:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(watcher, "InotifyListener", none_left)
    folder_watcher = watch()
    with caplog.at_level(logging.WARNING):
        assert folder_watcher.is_due(busy=False)
    assert folder_watcher.is_polling and not folder_watcher.events_unreliable
    assert "inotify watch limit" in caplog.text


def test_polling_can_be_configured(watch: Callable[..., FolderWatcher]) -> None:
    folder_watcher = watch(watch="polling")
    folder_watcher.is_due(busy=False)
    folder_watcher.take_events()
    assert (
        folder_watcher.is_polling
        and not folder_watcher.events_unreliable
        and folder_watcher.is_due(busy=False)
    )
